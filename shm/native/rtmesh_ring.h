/* rtmesh_ring.h: a broadcast ring in POSIX shared memory. Include this one; C11 or C++, gcc or clang, Linux.
**
**   rtmesh_layout.h     every byte of a segment: table, invariants, sync points, what a crash leaves behind
**   rtmesh_process.h    process identities
**   rtmesh_geometry.h   a layout's offsets; make a ring; check one
**   rtmesh_histogram.h  latency buckets
**   rtmesh_copy.h       a copy that is never slow
**   rtmesh_futex.h      bells
**   rtmesh_writer.h     attach, claim, commit, abort, end
**   rtmesh_reader.h     attach, tap, take, release, leave
**   rtmesh_item.h       what a wait is for
**   rtmesh_spin.h       what it does before it sleeps
**   rtmesh_wait.h       wait for readers and writers
**   rtmesh_manage.h     dead writers and readers; looks
**   rtmesh_relay.h      resume a reader where the other side of a relay stopped
**   rtmesh_records.h    many messages as one run of bytes, and back
**
** All of a publish, after rtm_open(&ring, base, size, &problem) and rtm_writer_attach(&writer, &ring, ...):
**
**   while (rtm_claim(&writer, length, 0, &problem) == RTM_NOTHING) rtm_wait(&item, 1, &bell, deadline, spin);
**   rtm_copy(rtm_claimed(&writer), data, length);
**   rtm_commit(&writer, &stamp);
**
** and of a read, after rtm_reader_attach(&reader, &ring, index, 0, &problem):
**
**   while (rtm_take(&reader, now_ns, 0, &message, &problem) == RTM_NOTHING) rtm_wait(...);
**   use(message.data, message.length);
**   rtm_unpin(&reader, 0);
**   rtm_release(&reader, reader.taken);
**
** A slot's bytes are plain memory: they are written only while no reader can hold them, and read only
** under a pin (SYNC A to C), so these accesses never race.
**
** Whatever bytes a segment holds, every call gives a message, nothing or an error (fuzz_segment.c). One thing is
** out of scope: who cuts a segment short while others have it mapped gives them SIGBUS at their next access. Only
** the same user can (0600, and another owner is refused), and that user could as well kill them.
*/
#ifndef RTMESH_RING_H
#define RTMESH_RING_H

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1 /* sched_getcpu, syscall */
#endif

#include "rtmesh_layout.h"
#include "rtmesh_process.h"
#include "rtmesh_geometry.h"
#include "rtmesh_histogram.h"
#include "rtmesh_copy.h"
#include "rtmesh_futex.h"
#include "rtmesh_writer.h"
#include "rtmesh_reader.h"
#include "rtmesh_item.h"
#include "rtmesh_spin.h"
#include "rtmesh_wait.h"
#include "rtmesh_manage.h"
#include "rtmesh_relay.h"
#include "rtmesh_records.h"

#endif
