/* module.c: rtmesh.shm._native, Python's side of rtmesh_ring.h.
**
** Limited API of 3.11: one build serves 3.11 and later.
*/
#include "python_clock.h"
#include "python_common.h"
#include "python_doorbell.h"
#include "python_frames.h"
#include "python_mapping.h"
#include "python_reader.h"
#include "python_records.h"
#include "python_split.h"
#include "python_wait.h"
#include "python_writer.h"

static PyObject *own_identity(PyObject *module, PyObject *unused) {
    return PyLong_FromUnsignedLongLong(rtm_own_identity());
}

static PyObject *is_alive(PyObject *module, PyObject *value) {
    uint64_t identity;
    return as_u64(value, &identity) < 0 ? NULL : PyBool_FromLong(rtm_is_alive(identity));
}

static PyObject *bucket(PyObject *module, PyObject *value) {
    int64_t value_ns;
    return as_i64(value, &value_ns) < 0 ? NULL : PyLong_FromUnsignedLong(rtm_bucket(value_ns));
}

static PyObject *bucket_floor_ns(PyObject *module, PyObject *value) {
    uint32_t index;
    return as_u32(value, &index) < 0 ? NULL : PyLong_FromLongLong(rtm_bucket_floor_ns(index));
}

/* use_waitv(bool): False: as on a kernel without FUTEX_WAITV. */
static PyObject *use_waitv(PyObject *module, PyObject *value) {
    int truth = PyObject_IsTrue(value);
    if (truth < 0) return NULL;
    __atomic_store_n(&rtm_has_waitv, truth, __ATOMIC_RELAXED);
    Py_RETURN_NONE;
}

static PyMethodDef module_methods[] = {
    {"wait", (PyCFunction)(void (*)(void))wait_for_any, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"take_records", take_records, METH_VARARGS, NULL},
    {"publish_records", publish_records, METH_VARARGS, NULL},
    {"take_frame", take_frame, METH_VARARGS, NULL},
    {"split_frame", split_frame, METH_O, NULL},
    {"ring_size", ring_size, METH_O, NULL},
    {"own_identity", own_identity, METH_NOARGS, NULL},
    {"is_alive", is_alive, METH_O, NULL},
    {"bucket", bucket, METH_O, NULL},
    {"bucket_floor_ns", bucket_floor_ns, METH_O, NULL},
    {"use_waitv", use_waitv, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT, "rtmesh.shm._native", "Rings in shared memory.", -1, module_methods,
    NULL, NULL, NULL, NULL,
};

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type) {
    *type = (PyTypeObject *)PyType_FromSpec(spec);
    return *type ? PyModule_AddType(module, *type) : -1;
}

static int add_types(PyObject *module) {
    if (add_type(module, &mapping_spec, &mapping_type) < 0 || add_type(module, &view_spec, &view_type) < 0)
        return -1;
    if (add_type(module, &reader_spec, &reader_type) < 0) return -1;
    if (add_type(module, &doorbell_spec, &doorbell_type) < 0) return -1;
    if (add_type(module, &course_clock_spec, &course_clock_type) < 0) return -1;
    if (add_outflow(module) < 0 || add_frame_data(module) < 0) return -1;
    return add_type(module, &writer_spec, &writer_type);
}

static int add_constants(PyObject *module) {
    PyObject *magic = PyLong_FromUnsignedLongLong(RTM_MAGIC);
    if (PyModule_AddObjectRef(module, "MAGIC", magic) < 0) return -1;
    Py_DECREF(magic);
    if (PyModule_AddIntConstant(module, "LAYOUT_VERSION", RTM_LAYOUT_VERSION) < 0) return -1;
    if (PyModule_AddIntConstant(module, "KIND_PLAIN", RTM_KIND_PLAIN) < 0) return -1;
    return PyModule_AddIntConstant(module, "BUCKETS", RTM_BUCKETS);
}

PyMODINIT_FUNC PyInit__native(void) {
    errors_module = PyImport_ImportModule("rtmesh.shm.errors");
    if (!errors_module) return NULL;
    PyObject *module = PyModule_Create(&module_definition);
    if (module && add_types(module) == 0 && add_constants(module) == 0) return module;
    Py_XDECREF(module);
    return NULL;
}
