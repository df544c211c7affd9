/* http2.c: rtmesh.relay._http2, what is done to every frame of a lane: gRPC messages in DATA frames of HTTP/2.
**
** Source: RFC 9113 (HTTP/2), sections 4.1, 5.2 and 6.1; "gRPC over HTTP2" of the gRPC project: each message stands
** behind a byte that says whether it is compressed and four bytes of length, most significant first. Everything
** else of the two is done in Python (http2_*.py).
**
** Limited API of 3.11: one build serves 3.11 and later.
*/
#include "http2_receiver.h"
#include "http2_send.h"

static PyMethodDef module_methods[] = {
    {"send_message", (PyCFunction)send_message, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT, "rtmesh.relay._http2", "gRPC messages in DATA frames.", -1, module_methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__http2(void) {
    PyObject *module = PyModule_Create(&module_definition);
    if (!module) return NULL;
    PyObject *type = PyType_FromSpec(&receiver_spec);
    if (type && PyModule_AddType(module, (PyTypeObject *)type) == 0) return module;
    Py_DECREF(module);
    return NULL;
}
