/* wire.c: rtmesh.node._wire, what is done to every stream message. The format is told in wire.py, which does what
** is done seldom.
**
** Limited API of 3.11: one build serves 3.11 and later. All of it relies on the GIL: a Python without one is not
** supported.
*/
#include "decoder.h"
#include "encoder.h"
#include "sender.h"
#include "single.h"

static PyMethodDef module_methods[] = {
    {"pack_header", pack_header, METH_O, NULL},
    {"written_header", written_header, METH_O, NULL},
    {"use_header_type", use_header_type, METH_O, NULL},
    {"use_array_type", use_array_type, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT, "rtmesh.node._wire", "Headers and layouts of stream messages.", -1, module_methods,
    NULL, NULL, NULL, NULL,
};

static bool add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type) {
    *type = (PyTypeObject *)PyType_FromSpec(spec);
    return *type && PyModule_AddType(module, *type) == 0;
}

/* Of what is received, and of what is done with it. */
static bool add_receiving_types(PyObject *module) {
    return add_type(module, &decoder_spec, &decoder_type) && add_type(module, &received_spec, &received_type) &&
           add_type(module, &tensor_attribute_spec, &tensor_attribute_type) &&
           add_type(module, &late_attribute_spec, &late_attribute_type) &&
           add_type(module, &step_words_spec, &step_words_type) && add_type(module, &steps_spec, &steps_type) &&
           add_type(module, &single_spec, &single_type);
}

static bool add_sending_types(PyObject *module) {
    return add_type(module, &encoder_spec, &encoder_type) && add_type(module, &sender_spec, &sender_type);
}

PyMODINIT_FUNC PyInit__wire(void) {
    PyObject *module = PyModule_Create(&module_definition);
    if (!module) return NULL;
    dtype_name = PyUnicode_InternFromString("dtype");
    if (dtype_name && add_type(module, &template_spec, &template_type) &&
        add_type(module, &trail_spec, &trail_type) && add_receiving_types(module) &&
        add_sending_types(module) &&
        PyModule_AddIntConstant(module, "HEADER_SIZE", HEADER_SIZE) == 0 &&
        PyModule_AddIntConstant(module, "MOST_MARKS", MOST_MARKS) == 0 &&
        PyModule_AddIntConstant(module, "MOST_NUMBERS", MOST_NUMBERS) == 0)
        return module;
    Py_DECREF(module);
    return NULL;
}
