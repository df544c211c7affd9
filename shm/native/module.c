#include <Python.h>
static struct PyModuleDef mod = {PyModuleDef_HEAD_INIT, "rtmesh.shm._native", 0, -1, 0};
PyMODINIT_FUNC PyInit__native(void){ return PyModule_Create(&mod);}
