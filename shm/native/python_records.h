/* python_records.h: rtmesh.shm._native.take_records and publish_records, what a relay does with many messages. */
#ifndef RTMESH_PYTHON_RECORDS_H
#define RTMESH_PYTHON_RECORDS_H

#include "python_reader.h"
#include "python_writer.h"

/* take_records(reader, now_ns, most_messages, most_bytes) -> (records, how many) */
static PyObject *take_records(PyObject *module, PyObject *args) {
    struct reader *reader;
    long long now_ns;
    unsigned int most_messages;
    unsigned long long most_bytes;
    struct rtm_problem problem;
    enum rtm_result result;
    if (!PyArg_ParseTuple(args, "O!LIK", reader_type, &reader, &now_ns, &most_messages, &most_bytes))
        return NULL;
    if (reader_check(reader) < 0) return NULL;
    if (most_bytes > (uint64_t)PY_SSIZE_T_MAX / 2) { /* also what was below 0: "K" checks nothing */
        PyErr_SetString(PyExc_OverflowError, "take_records() cannot take so many bytes at a time");
        return NULL;
    }
    uint64_t room = most_bytes + reader->core.ring->layout.slot_bytes + RTM_RECORD_MOST_EXTRA;
    PyObject *bytes = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)room);
    if (!bytes) return NULL;
    unsigned char *start = (unsigned char *)PyByteArray_AsString(bytes);
    struct rtm_helping helping = {most_messages, 0, most_bytes};
    unsigned char *end = rtm_take_records(&reader->core, now_ns, &helping, start, &result, &problem);
    if (result < 0) {
        Py_DECREF(bytes);
        return raise_problem(result, reader->mapping->name, &problem);
    }
    if (PyByteArray_Resize(bytes, end - start) < 0) {
        Py_DECREF(bytes);
        return NULL;
    }
    return Py_BuildValue("NI", bytes, helping.taken);
}

/* Without the GIL: who is woken may want it, through another thread, before this one goes on. */
static int publish_all(struct writer *writer, struct rtm_inflow *flow, const Py_buffer *data) {
    struct rtm_problem problem;
    writer->waits++; /* stays mapped, even if another thread closes it */
    writer->is_publishing = 1;
    PyThreadState *thread = PyEval_SaveThread();
    enum rtm_result result =
        rtm_publish_records(&writer->core, flow, (const unsigned char *)data->buf, (uint64_t)data->len, &problem);
    PyEval_RestoreThread(thread);
    writer->is_publishing = 0;
    writer->waits--;
    if (result < 0) raise_problem(result, writer->mapping->name, &problem);
    writer_let_go(writer);
    return result < 0 ? -1 : 0;
}

static int publish_check(const struct writer *writer) {
    if (writer_check(writer) < 0) return -1;
    if (!writer->is_publishing) return 0;
    PyErr_SetString(PyExc_RuntimeError, "the writer is used by two threads at once");
    return -1;
}

/* publish_records(writer, data, next, credit, is_contiguous) -> (published, next); ValueError: bad records */
static PyObject *publish_records(PyObject *module, PyObject *args) {
    struct writer *writer;
    unsigned long long next;
    struct rtm_inflow flow = {0, 0, 0, 0};
    Py_buffer data;
    if (!PyArg_ParseTuple(args, "O!y*KIp", writer_type, &writer, &data, &next, &flow.credit,
                          &flow.is_contiguous))
        return NULL;
    flow.next = next;
    int result = publish_check(writer) < 0 ? -1 : publish_all(writer, &flow, &data);
    PyBuffer_Release(&data);
    return result < 0 ? NULL : Py_BuildValue("IK", flow.published, (unsigned long long)flow.next);
}

#endif
