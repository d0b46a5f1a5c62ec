# Program: the launches of one step, noted once and replayed in C.
#
# While a recording goes on, every launch runs as always and is noted as well: kernel, args, and which bytes it reads
# and writes. Memory comes from the recording's own arena, so the noted addresses stay good. A replay is a C loop over
# the list inside one OpenMP region, with a barrier only where an entry touches what another thread may have written
# (or reads what it is about to overwrite) since the last barrier.

from libc.stdlib cimport calloc

import bisect
import time

# Inside a region sharing costs a barrier (0.2 us), not a region.
cdef double SHARED_WORK = 1e5
# A step of less work than this is faster on the calling thread alone.
cdef double REGION_WORK = 1e6

# A replay runs in slices; in one of TRIAL_EVERY the slower choice of threads is timed again, for TRIAL_SECONDS.
cdef double SLICE_SECONDS = 0.01
cdef double TRIAL_SECONDS = 0.0005
cdef int TRIAL_EVERY = 32
cdef ptrdiff_t MOST_CONSTANT = 64   # bytes: longer inputs from outside are compared by address alone
cdef uintptr_t EVERYWHERE = <uintptr_t>1 << 62

cdef Program recorder = None
cdef list kernel_names = [fnn_kernels[i].name.decode() for i in range(FNN_KERNEL_COUNT)]


@cython.final
cdef class Program:
    """A recorded step.

    ``with program.record(): step()`` runs the step and notes its launches; `replay` runs them again. Two programs that
    recorded the same step are equal (`same_as`) up to the addresses of what the step itself allocated.
    """
    cdef Arena arena
    cdef list notes             # (kernel number or -1, dtype, args bytes, nth, [(slot, address, bytes, written)])
    cdef list held              # arrays from outside whose memory the args point into
    cdef double pace[2]         # seconds a step took lately: alone, shared by the team; 0: not yet known
    cdef ptrdiff_t slices
    cdef dict constants         # (entry, slot) -> the few bytes that were read there, in memory from outside
    cdef list guards            # (status array, function of the position that makes the exception)
    cdef double work
    cdef int threads
    cdef fnn_entry *entries
    cdef slot *args
    cdef ptrdiff_t n
    cdef readonly str abandoned  # why this recording cannot be replayed; None if it can
    cdef readonly bint running

    def __cinit__(self):
        self.entries = NULL
        self.args = NULL
        self.notes = []
        self.held = []
        self.pace[0] = self.pace[1] = 0.0
        self.slices = 0
        self.guards = []
        self.constants = {}
        self.arena = Arena()

    def __dealloc__(self):
        free(self.entries)
        free(self.args)

    def record(self):
        """A context within which launches are noted."""
        return Recording(self)

    cdef int team(self, double work):
        """Threads that share an entry of this much work."""
        return self.threads if work >= SHARED_WORK else 1

    cdef note(self, Kernel kernel, int number, slot *args, int nth, dict fields):
        cdef int f
        cdef fnn_role role
        cdef ptrdiff_t nbytes
        cdef int itemsize = 4 if number == 0 else 8
        cdef list touched = []
        cdef bint written
        for f in range(kernel.info.nfields):
            role = kernel.info.fields[f].role
            if role == FNN_SIZE or role == FNN_SCALAR or args[f].pointer == NULL:
                continue
            nbytes = kernel.info.count(args, f, itemsize, nth) * type_bytes(kernel.info.fields[f].type, itemsize)
            written = role != FNN_IN and role != FNN_OPT_IN
            touched.append((f, <uintptr_t>args[f].pointer, nbytes, written))
            if not written and 0 < nbytes <= MOST_CONSTANT and not self.owns(fields[kernel.names[f]]):
                self.constants[len(self.notes), f] = (<char *>args[f].pointer)[:nbytes]
            if kernel.info.fields[f].type == b'P':  # what the addresses lead to is unknown: it may be anything
                touched.append((f, 0, EVERYWHERE, True))
        self.work += kernel.info.work(args)
        self.notes.append((kernel.number, number, (<char *>args)[:kernel.info.nfields * 8], nth, touched))
        for value in fields.values():
            if isinstance(value, np.ndarray) and not self.owns(value):
                self.held.append(value)

    cdef bint owns(self, object array):
        """Whether an array's memory belongs to this program's arena."""
        cdef object base = array
        while isinstance(base, np.ndarray):
            base = base.base
        return isinstance(base, Block) and (<Block>base).arena is self.arena

    cdef note_guard(self, cnp.ndarray status, make_error):
        self.notes.append((-1, 0, b"", self.threads, [(0, <uintptr_t>cnp.PyArray_DATA(status), 8, False)]))
        self.guards.append((status, make_error))

    cdef finish(self):
        """From notes to entries: place the barriers."""
        cdef ptrdiff_t e = 0
        cdef ptrdiff_t offset = 0
        cdef slot *args
        self.arena.recording = False
        if self.work < REGION_WORK:
            self.threads = 1
        self.n = len(self.notes)
        self.entries = <fnn_entry *>calloc(max(self.n, 1), sizeof(fnn_entry))
        self.args = <slot *>calloc(max(1, sum([len(note[2]) for note in self.notes])), 1)
        if self.entries == NULL or self.args == NULL:
            raise MemoryError("fastnn: a Program could not be allocated")
        since = []                  # (first byte, end, written, shared by several threads) since the last barrier
        for number, dtype, args_bytes, nth, touched in self.notes:
            nth = min(nth, self.threads)
            self.entries[e].nth = nth
            if number >= 0:
                args = self.args + offset
                memcpy(args, <char *>args_bytes, len(args_bytes))
                offset += len(args_bytes) // 8
                self.entries[e].fn = fnn_lookup(kernel_table, number, dtype)
                self.entries[e].args = args
            else:
                self.entries[e].guard = <const int64_t *><uintptr_t>touched[0][1]
            conflict = any([
                (written or was_written) and (nth > 1 or was_shared) and address < end and begin < address + nbytes
                for _, address, nbytes, written in touched
                for begin, end, was_written, was_shared in since
            ])
            if conflict:
                self.entries[e].barrier = 1
                since = []
            since += [(address, address + nbytes, written, nth > 1) for _, address, nbytes, written in touched]
            e += 1

    cdef list normalized(self):
        """The launches with addresses replaced by what makes equal steps equal: (block of the arena, offset)."""
        blocks = sorted([(address, size, i) for i, (address, size) in enumerate(self.arena.addresses)])
        starts = [address for address, _, _ in blocks]
        result = []
        for number, dtype, args_bytes, nth, touched in self.notes:
            args = bytearray(args_bytes)
            places = []
            for f, address, nbytes, written in touched:
                place = bisect.bisect_right(starts, address) - 1
                if place >= 0 and address < blocks[place][0] + blocks[place][1]:
                    address = (blocks[place][2], address - blocks[place][0])
                args[8 * f:8 * f + 8] = bytes(8)
                places.append((f, address, nbytes, written))
            result.append((number, dtype, bytes(args), nth, places))
        return result

    def same_as(self, Program other):
        """Whether both recorded the same step.

        Memory from outside must be the same, too, except for constants: a few bytes that both only read, and that
        were equal (Python makes a new array of the number in ``x * 2`` every time).
        """
        cdef list mine = self.normalized()
        cdef list others = other.normalized()
        if len(mine) != len(others):
            return False
        for e in range(len(mine)):
            if mine[e] == others[e]:
                continue
            if mine[e][:4] != others[e][:4]:
                return False
            for (f, address, nbytes, written), theirs in zip(mine[e][4], others[e][4], strict=True):
                if (f, address, nbytes, written) == theirs:
                    continue
                constant = self.constants.get((e, f))
                if constant is None or (f, nbytes, written) != (theirs[0], theirs[2], theirs[3]) or \
                        constant != other.constants.get((e, f)):
                    return False
        return True

    def rebind(self, cnp.ndarray old, cnp.ndarray new):
        """Read and write `new` wherever `old`, an array of the same layout, was used."""
        same_shape = (<object>old).shape == (<object>new).shape and (<object>old).strides == (<object>new).strides
        if old.dtype != new.dtype or not same_shape:
            raise ValueError("Program.rebind: both arrays must have the same dtype, shape and strides.")
        cdef uintptr_t begin = <uintptr_t>cnp.PyArray_DATA(old)
        cdef uintptr_t end = begin + max(reach(old), 1)
        cdef ptrdiff_t shift = <char *>cnp.PyArray_DATA(new) - <char *>cnp.PyArray_DATA(old)
        cdef ptrdiff_t offset = 0
        notes = []
        for number, dtype, args_bytes, nth, touched in self.notes:
            moved = []
            for f, address, nbytes, written in touched:
                if begin <= address < end and number >= 0:
                    address += shift
                    self.args[offset + f].pointer = <void *><uintptr_t>address
                moved.append((f, address, nbytes, written))
            offset += len(args_bytes) // 8
            notes.append((number, dtype, args_bytes, nth, moved))
        self.notes = notes
        self.held = [new if value is old else value for value in self.held]

    def replay(self, ptrdiff_t steps=1, double most_seconds=1e9, int threads=0):
        """Run the step again up to `steps` times; returns how many were completed.

        `threads` is how many share it, at most those it was recorded for; 0 leaves that to what was faster lately.
        Fewer steps when `most_seconds` had passed at the end of a step. A data error raises, with its step left undone.
        """
        if self.running:
            raise RuntimeError("Program.replay: this program is already running in another thread.")
        cdef ptrdiff_t done = 0
        cdef double end = time.perf_counter() + most_seconds
        self.running = True
        try:
            while True:
                done += self.slice(steps - done, end, threads)
                if done >= steps or time.perf_counter() >= end or any([status[0] for status, _ in self.guards]):
                    break
        finally:
            self.running = False
        for status, make_error in self.guards:
            if status[0]:
                position = int(status[0]) - 1
                status[0] = 0
                raise make_error(position)
        return done

    cdef ptrdiff_t slice(self, ptrdiff_t steps, double end, int wanted):
        """Some steps, with the number of threads that has been faster lately; the bits are the same with any.

        What is faster depends on the step, and on what else the machine does: threads that wait at barriers for one
        that does not get a processor make a step many times slower. So both are timed, the loser again from time to
        time.
        """
        cdef int team = min(self.threads, current_threads())
        cdef ptrdiff_t done
        cdef int shared = 0
        cdef double seconds = TRIAL_SECONDS
        if wanted:
            team = min(team, wanted)
            shared = team > 1
            seconds = SLICE_SECONDS
        elif team > 1:
            if self.pace[0] == 0 or self.pace[1] == 0:
                shared = self.pace[0] != 0
            else:
                shared = self.pace[1] < self.pace[0]
                self.slices += 1
                if self.slices % TRIAL_EVERY == 0:
                    shared = not shared
                else:
                    seconds = SLICE_SECONDS
        else:
            seconds = SLICE_SECONDS
        begin = time.perf_counter()
        seconds = min(seconds, max(end - begin, 0.0))
        with nogil:
            done = fnn_replay(self.entries, self.n, steps, team if shared else 1, seconds)
        if done and team > 1 and not wanted:
            self.pace[shared] = (time.perf_counter() - begin) / done
        return done

    def info(self):
        """Facts for tests and documentation."""
        return {
            "entries": self.n, "barriers": sum([self.entries[e].barrier for e in range(self.n)]),
            "threads": self.threads, "work": self.work,
            "arena_bytes": sum([size for _, size in self.arena.addresses]),
            "kernels": [kernel_names[note[0]] if note[0] >= 0 else "guard" for note in self.notes],
        }


cdef Program current_recorder():
    """The program that takes this thread's launches, or None."""
    if recorder is None or recording_thread != PyThread_get_thread_ident():
        return None
    return recorder


@cython.final
cdef class Recording:
    """The context of `Program.record`."""
    cdef Program program

    def __cinit__(self, Program program):
        self.program = program

    def __enter__(self):
        global recorder, active_arena, recording_thread
        if recorder is not None:
            raise RuntimeError("Program.record: another recording is going on.")
        if self.program.entries != NULL:
            raise RuntimeError("Program.record: this program already holds a step.")
        self.program.threads = simulated_threads or current_threads()
        recording_thread = PyThread_get_thread_ident()
        recorder = self.program
        active_arena = self.program.arena
        return self.program

    def __exit__(self, kind, error, trace):
        global recorder, active_arena
        recorder = None
        active_arena = None
        self.program.finish()


def values_are_read(str what):
    """Called wherever Python looks at a tensor's values: a recording in which that happens cannot be replayed."""
    cdef Program noting = current_recorder()
    if noting is not None and noting.abandoned is None:
        noting.abandoned = what


def guard(cnp.ndarray status, make_error):
    """End the step here if ``status[0]`` is not 0, with the exception ``make_error(status[0] - 1)``.

    At once when computing eagerly; while recording, at every replay too.
    """
    cdef Program noting = current_recorder()
    if noting is not None:
        noting.note_guard(status, make_error)
    if status[0]:
        raise make_error(int(status[0]) - 1)
