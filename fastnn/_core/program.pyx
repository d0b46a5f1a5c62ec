# Program: the launches of one step, noted once and replayed in C.
#
# While a recording goes on, every launch runs as always and is noted as well: kernel, args, and which bytes it reads
# and writes. Memory comes from the recording's own arena, so the noted addresses stay good. A replay is a C loop over
# the list inside one OpenMP region, with a barrier only where an entry touches what another thread may have written
# (or reads what it is about to overwrite) since the last barrier. Arrays that are others at each replay are declared
# as inputs: where an args field points into one, `bind` writes the address of the next.

from libc.stdlib cimport calloc, realloc

import bisect

cdef extern from *:
    """
    #include <time.h>
    static double fnn_now(void) {
      struct timespec t;
      clock_gettime(CLOCK_MONOTONIC, &t);
      return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    }
    """
    double fnn_now() nogil

# Inside a region sharing costs a barrier and the way of some data between caches (0.1 us), not a region.
cdef double SHARED_WORK = 4e4
# A step of less work than this (10 us) stays with the calling thread: if the others have fallen asleep since the last
# call, waking them costs more than they can save.
cdef double REGION_WORK = 2.5e6

# A replay runs in slices; the choice of threads that was slower is timed again for TRIAL_SECONDS in the second slice,
# the fourth, the eighth, ..., later in one of TRIAL_EVERY.
cdef double SLICE_SECONDS = 0.01
cdef double TRIAL_SECONDS = 0.0005
cdef int TRIAL_EVERY = 32
# A step that took longer than lately counts so much, one that was faster counts whole.
cdef double BAD_NEWS = 0.25
cdef ptrdiff_t MOST_CONSTANT = 64   # bytes: longer inputs from outside are compared by address alone
cdef uintptr_t EVERYWHERE = <uintptr_t>1 << 62

cdef Program recorder = None
cdef list kernel_names = [fnn_kernels[i].name.decode() for i in range(FNN_KERNEL_COUNT)]


cdef struct use:                # a field that points into an input
    slot *at
    ptrdiff_t offset            # from the input's first item
    int input


cdef class Note:
    """One launch of a recording, or a guard (kernel -1), or a call of Python (kernel -2)."""
    cdef object function        # of a call of Python: what is compared with other recordings, and what is called
    cdef object call
    cdef int kernel
    cdef int dtype
    cdef int nfields
    cdef int nth
    cdef ptrdiff_t offset       # of its args
    cdef list touched           # (field, address, bytes, written)
    cdef dict inputs            # field -> (number of the input, offset from its first item)
    cdef dict constants         # field -> the few bytes that were read there, in memory from outside


@cython.final
cdef class Program:
    """A recorded step.

    ``with program.record(): step()`` runs the step and notes its launches; `replay` runs them again. Two programs that
    recorded the same step are equal (`same_as`) up to the addresses of inputs and of what the step itself allocated.

    Parameters
    ----------
    arena : Arena, optional
        Memory to share with programs that never run at the same time as this one.
    """
    cdef Arena arena
    cdef int recording          # which of the arena's
    cdef list notes
    cdef list held              # arrays from outside whose memory the args point into
    cdef list inputs            # while noting: (first byte, end, first item) of each
    cdef double pace[2]         # seconds a step took lately: alone, shared by the team; 0: not yet known
    cdef ptrdiff_t slices
    cdef ptrdiff_t next_trial
    cdef list guards            # (status array, function of the position that makes the exception)
    cdef list pythons           # (number of the entry, function to call)
    cdef object error           # that ended the last replay in one of them
    cdef double work
    cdef int threads
    cdef fnn_entry *entries
    cdef slot *args
    cdef ptrdiff_t nargs
    cdef ptrdiff_t n
    cdef use *uses
    cdef ptrdiff_t nuses
    cdef ptrdiff_t cursor       # while launches are matched with notes: the next one
    cdef bint rebinding
    cdef readonly str abandoned  # why this recording cannot be replayed; None if it can
    cdef readonly bint running

    def __cinit__(self, Arena arena=None):
        self.entries = NULL
        self.args = NULL
        self.uses = NULL
        self.notes = []
        self.held = []
        self.pace[0] = self.pace[1] = 0.0
        self.next_trial = 2
        self.guards = []
        self.pythons = []
        self.inputs = []
        self.arena = Arena() if arena is None else arena

    def __dealloc__(self):
        free(self.entries)
        free(self.args)
        free(self.uses)

    @property
    def calls_python(self):
        return len(self.pythons) > 0

    def record(self, tuple inputs=()):
        """A context within which launches are noted; `inputs` are arrays (or None) that `bind` may exchange."""
        return Recording(self, inputs, False)

    def rebind(self, tuple inputs):
        """A context in which the launches that read the inputs are issued once more, for arrays of another layout.

        Nothing runs. The launches must be the first ones of the recording; their inputs, sizes and scalars take the
        place of the recorded ones, what they write stays where it was.
        """
        return Recording(self, inputs, True)

    def bind(self, tuple inputs):
        """Read other inputs, of the same dtypes, shapes and strides. They are not kept: hold them while replaying."""
        cdef char *few[16]
        cdef char **data = few
        cdef int i = 0
        if len(inputs) > 16:
            data = <char **>calloc(len(inputs), sizeof(char *))
            if data == NULL:
                raise MemoryError("fastnn: a Program could not be bound")
        try:
            for array in inputs:
                data[i] = NULL if array is None else <char *>cnp.PyArray_DATA(<cnp.ndarray?>array)
                i += 1
            self.point(data)
        finally:
            if data != few:
                free(data)

    cdef void point(self, char **data) noexcept:
        cdef ptrdiff_t u
        for u in range(self.nuses):
            self.uses[u].at.pointer = data[self.uses[u].input] + self.uses[u].offset

    cdef declare(self, tuple inputs):
        self.inputs = [(0, 0, 0) if array is None else bounds(array) for array in inputs]

    cdef tuple input_at(self, uintptr_t address):
        """(number of the input that an address lies in, offset from its first item), or None."""
        cdef int i
        for i in range(len(self.inputs)):
            begin, end, first = self.inputs[i]
            if begin <= address < end:
                return i, <ptrdiff_t>address - <ptrdiff_t><uintptr_t>first
        return None

    cdef int team(self, double work):
        """Threads that share an entry of this much work."""
        return self.threads if work >= SHARED_WORK else 1

    cdef note(self, Kernel kernel, int number, slot *args, int nth, dict fields):
        cdef int f
        cdef fnn_role role
        cdef ptrdiff_t nbytes
        cdef int itemsize = 4 if number == 0 else 8
        cdef Note new = Note()
        cdef bint written
        new.kernel, new.dtype, new.nth, new.nfields = kernel.number, number, nth, kernel.info.nfields
        new.touched, new.inputs, new.constants = [], {}, {}
        new.offset = self.append(args, new.nfields)
        for f in range(kernel.info.nfields):
            role = kernel.info.fields[f].role
            if role == FNN_SIZE or role == FNN_SCALAR or args[f].pointer == NULL:
                continue
            nbytes = kernel.info.count(args, f, itemsize, nth) * type_bytes(kernel.info.fields[f].type, itemsize)
            written = role != FNN_IN and role != FNN_OPT_IN
            new.touched.append((f, <uintptr_t>args[f].pointer, nbytes, written))
            if kernel.info.fields[f].type == b'P':  # what the addresses lead to is unknown: it may be anything
                new.touched.append((f, 0, EVERYWHERE, True))
            if role == FNN_SCRATCH or self.owns(fields[kernel.names[f]]):
                continue
            place = self.input_at(<uintptr_t>args[f].pointer)
            if place is not None:
                new.inputs[f] = place
                continue
            self.held.append(fields[kernel.names[f]])
            if not written and 0 < nbytes <= MOST_CONSTANT:
                new.constants[f] = (<char *>args[f].pointer)[:nbytes]
        self.work += kernel.info.work(args)
        self.notes.append(new)

    cdef ptrdiff_t append(self, slot *args, int nfields) except -1:
        """Copy args to the end of all args."""
        cdef ptrdiff_t offset = self.nargs
        cdef slot *longer = <slot *>realloc(self.args, (offset + nfields) * sizeof(slot))
        if longer == NULL:
            raise MemoryError("fastnn: a Program could not be allocated")
        self.args = longer
        memcpy(longer + offset, args, nfields * sizeof(slot))
        self.nargs += nfields
        return offset

    cdef bint owns(self, object array):
        """Whether an array's memory was allocated by this recording."""
        cdef object base = array
        while isinstance(base, np.ndarray):
            base = base.base
        if not isinstance(base, Block):
            return False
        return (<Block>base).arena is self.arena and (<Block>base).recording == self.recording

    cdef note_guard(self, cnp.ndarray status, make_error):
        cdef Note new = Note()
        new.kernel, new.nth = -1, self.threads
        new.touched, new.inputs, new.constants = [(0, <uintptr_t>cnp.PyArray_DATA(status), 8, False)], {}, {}
        self.notes.append(new)
        self.guards.append((status, make_error))

    cdef note_python(self, function, call, tuple inputs, tuple outputs):
        """`call` reads and writes these arrays, which it keeps; `function` tells it from others."""
        cdef Note new = Note()
        new.kernel, new.nth, new.function, new.call = -2, 1, function, call
        new.touched = [
            (i, <uintptr_t>cnp.PyArray_DATA(<cnp.ndarray?>array), array.nbytes, i >= len(inputs))
            for i, array in enumerate(inputs + outputs)
        ]
        new.inputs, new.constants = {}, {}
        self.notes.append(new)

    cdef Note next_note(self, int kernel):
        """The note that a launch is matched with, while rebinding."""
        cdef Note found = self.notes[self.cursor] if self.cursor < self.n else None
        if found is None or found.kernel != kernel:
            raise RuntimeError("Program.rebind: these are not the launches that were recorded.")
        self.cursor += 1
        return found

    cdef renew(self, Kernel kernel, int number, slot *args):
        """Take over a launch's sizes, scalars and inputs."""
        cdef Note old = self.next_note(kernel.number)
        cdef slot *at = self.args + old.offset
        cdef int f
        cdef fnn_role role
        if old.dtype != number:
            raise RuntimeError("Program.rebind: these are not the launches that were recorded.")
        for f in range(old.nfields):
            role = kernel.info.fields[f].role
            if role == FNN_SIZE or role == FNN_SCALAR:
                at[f] = args[f]
            elif f in old.inputs:
                place = self.input_at(<uintptr_t>args[f].pointer)
                if place is None or place[0] != old.inputs[f][0]:
                    raise RuntimeError("Program.rebind: an input is not read where it was.")
                old.inputs[f] = place
                at[f] = args[f]

    cdef renew_guard(self, make_error):
        cdef int i = 0
        cdef ptrdiff_t e
        self.next_note(-1)
        for e in range(self.cursor - 1):
            i += (<Note>self.notes[e]).kernel == -1
        self.guards[i] = (self.guards[i][0], make_error)

    cdef list_uses(self):
        """Where the inputs' addresses stand among the args."""
        cdef Note note
        cdef ptrdiff_t u = 0
        free(self.uses)
        self.nuses = sum([len((<Note>each).inputs) for each in self.notes])
        self.uses = <use *>calloc(max(self.nuses, 1), sizeof(use))
        if self.uses == NULL:
            self.nuses = 0
            raise MemoryError("fastnn: a Program could not be allocated")
        for note in self.notes:
            for f, place in note.inputs.items():
                self.uses[u].at = self.args + note.offset + <int>f
                self.uses[u].input, self.uses[u].offset = place
                u += 1

    cdef finish(self):
        """From notes to entries: place the barriers."""
        cdef ptrdiff_t e = 0
        cdef Note note
        cdef int nth
        self.inputs = []
        if self.work < REGION_WORK:
            self.threads = 1
        self.n = len(self.notes)
        self.entries = <fnn_entry *>calloc(max(self.n, 1), sizeof(fnn_entry))
        if self.entries == NULL:
            raise MemoryError("fastnn: a Program could not be allocated")
        since = []                  # (first byte, end, written, shared by several threads) since the last barrier
        for note in self.notes:
            nth = min(note.nth, self.threads)
            self.entries[e].nth = nth
            if note.kernel == -2:   # between two replays, for which the threads have met
                self.pythons.append((e, note.call))
                since = []
                e += 1
                continue
            if note.kernel >= 0:
                self.entries[e].fn = fnn_lookup(kernel_table, note.kernel, note.dtype)
                self.entries[e].args = self.args + note.offset
            else:
                self.entries[e].guard = <const int64_t *><uintptr_t>note.touched[0][1]
            conflict = any([
                (written or was_written) and (nth > 1 or was_shared) and address < end and begin < address + nbytes
                for _, address, nbytes, written in note.touched
                for begin, end, was_written, was_shared in since
            ])
            if conflict:
                self.entries[e].barrier = 1
                since = []
            since += [(address, address + nbytes, written, nth > 1) for _, address, nbytes, written in note.touched]
            e += 1
        self.list_uses()

    cdef list normalized(self):
        """The launches with addresses replaced by what makes equal steps equal.

        That is (number of the input, offset), or (how many blocks of the arena were used before this one, offset).
        """
        cdef Note note
        blocks = sorted(self.arena.addresses)
        starts = [address for address, _ in blocks]
        order = {}                  # place among the blocks -> place among those that are used
        result = []
        for note in self.notes:
            args = bytearray((<char *>(self.args + note.offset))[:note.nfields * sizeof(slot)])
            places = []
            for f, address, nbytes, written in note.touched:
                place = bisect.bisect_right(starts, address) - 1
                if f in note.inputs:
                    address, nbytes = ("input", *note.inputs[f]), 0
                elif place >= 0 and address < blocks[place][0] + blocks[place][1]:
                    address = (order.setdefault(place, len(order)), address - blocks[place][0])
                args[8 * f:8 * f + 8] = bytes(8)
                places.append((f, address, nbytes, written))
            result.append((note.kernel, note.dtype, bytes(args), note.nth, places))
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
            if (<Note>self.notes[e]).kernel == -2 and not same_function(
                (<Note>self.notes[e]).function, (<Note>other.notes[e]).function
            ):
                return False
            if mine[e] == others[e]:
                continue
            if mine[e][:4] != others[e][:4] or len(mine[e][4]) != len(others[e][4]):
                return False
            for (f, address, nbytes, written), theirs in zip(mine[e][4], others[e][4], strict=True):
                if (f, address, nbytes, written) == theirs:
                    continue
                constant = (<Note>self.notes[e]).constants.get(f)
                if constant is None or (f, nbytes, written) != (theirs[0], theirs[2], theirs[3]) or \
                        constant != (<Note>other.notes[e]).constants.get(f):
                    return False
        return True

    def replay(self, ptrdiff_t steps=1, double most_seconds=1e9, int threads=0):
        """Run the step again up to `steps` times; returns how many were completed.

        `threads` is how many share it, at most those it was recorded for; 0 leaves that to what was faster lately.
        Fewer steps when `most_seconds` had passed at the end of a step. A data error raises, with its step left undone.
        """
        if self.running:
            raise RuntimeError("Program.replay: this program is already running in another thread.")
        cdef ptrdiff_t done = self.run(steps, most_seconds, threads)
        self.check()
        return done

    def replay_rows(
        self, ptrdiff_t steps, double most_seconds, cnp.ndarray result, cnp.ndarray rows, ptrdiff_t begin
    ):
        """`replay`, and after each step its `result`, an array of a few rows, is copied to the next of `rows`.

        `begin` is the first of them.
        """
        cdef ptrdiff_t nbytes = result.nbytes
        cdef ptrdiff_t done = 0
        cdef double end = fnn_now() + most_seconds
        fits = (
            result.dtype == rows.dtype and (<object>result).shape[1:] == (<object>rows).shape[1:]
            and result.ndim > 0 and cnp.PyArray_IS_C_CONTIGUOUS(result) and cnp.PyArray_ISCARRAY(rows)
        )
        if not fits or not 0 <= begin <= len(rows) - steps * len(result):
            raise ValueError("Program.replay_rows: rows must be a C-contiguous array with room for the results.")
        if self.running:
            raise RuntimeError("Program.replay: this program is already running in another thread.")
        cdef char *to = <char *>cnp.PyArray_DATA(rows) + begin * (nbytes // max(len(result), 1))
        while done < steps and self.run(1, 1e9, 0) == 1:
            memcpy(to + done * nbytes, cnp.PyArray_DATA(result), nbytes)
            done += 1
            if fnn_now() >= end:
                break
        self.check()
        return done

    def complete(self):
        """Run the step once; False where a guard ended it. Its exception would tell of the arrays of the recording."""
        if self.running:
            raise RuntimeError("Program.replay: this program is already running in another thread.")
        self.run(1, 1e9, 0)
        self.check_pythons()
        return not self.stopped()

    cdef check(self):
        """Raise what ended a step."""
        self.check_pythons()
        if self.guards:
            self.check_guards()

    cdef check_pythons(self):
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    cdef bint stopped(self):
        """Whether a guard ended the last step; not any more after this question."""
        cdef bint found = False
        for status, _ in self.guards:
            found = found or status[0] != 0
            status[0] = 0
        return found

    cdef check_guards(self):
        for status, make_error in self.guards:
            if status[0]:
                position = int(status[0]) - 1
                status[0] = 0
                raise make_error(position)

    cdef ptrdiff_t run(self, ptrdiff_t steps, double most_seconds, int wanted) noexcept:
        """`replay` without its checks; raises nothing."""
        cdef int team = 1 if self.threads == 1 else min(self.threads, current_threads())
        cdef ptrdiff_t done = 0
        cdef ptrdiff_t more
        cdef double now
        cdef double end
        if self.pythons:
            return self.run_pythons(steps, most_seconds, min(team, wanted or team))
        if team == 1 and self.work * steps < GIL_WORK:
            return fnn_replay(self.entries, self.n, steps, 1, most_seconds)
        self.running = True
        if team == 1 or wanted == 1:
            with nogil:
                done = fnn_replay(self.entries, self.n, steps, 1, most_seconds)
        else:
            now = fnn_now()
            end = now + most_seconds
            while True:
                more = self.slice(steps - done, &now, end, team, wanted)
                done += more
                if more == 0 or done >= steps or now >= end:
                    break
        self.running = False
        return done

    cdef ptrdiff_t run_pythons(self, ptrdiff_t steps, double most_seconds, int team) noexcept:
        """`run` where a step has calls of Python: what lies between them is replayed by itself."""
        cdef double end = fnn_now() + most_seconds
        cdef ptrdiff_t done = 0
        self.running = True
        while done < steps and self.run_step(team):
            done += 1
            if fnn_now() >= end:
                break
        self.running = False
        return done

    cdef bint run_step(self, int team) noexcept:
        """One step; False where a guard ended it, or an exception, which is then `error`."""
        try:
            return self.run_parts(team)
        except BaseException as error:
            self.error = error
            return False

    cdef bint run_parts(self, int team) except -1:
        cdef ptrdiff_t begin = 0
        cdef ptrdiff_t e
        cdef ptrdiff_t fine
        for e, call in (*self.pythons, (self.n, None)):
            with nogil:
                fine = e == begin or fnn_replay(self.entries + begin, e - begin, 1, team, 0.0)
            if not fine:
                return False
            if call is not None:
                try:
                    enter_step()    # as it was when the step was recorded: what the call sets is the step's own doing
                    call()
                finally:
                    leave_step()
            begin = e + 1
        return True

    cdef ptrdiff_t slice(self, ptrdiff_t steps, double *now, double end, int team, int wanted) noexcept:
        """Some steps, with the number of threads that has been faster lately; the bits are the same with any.

        What is faster depends on the step, and on what else the machine does: threads that wait at barriers for one
        that does not get a processor make a step many times slower. So both are timed, the loser again from time to
        time. The team is tried with threads that are awake already, as they are from a slice's second step on.
        """
        cdef ptrdiff_t done
        cdef ptrdiff_t first = 0
        cdef int shared = not 0 < self.pace[0] < self.pace[1]
        cdef double seconds = SLICE_SECONDS
        cdef double begin = now[0]
        cdef double pace
        if wanted:
            team, shared = min(team, wanted), 1
        else:
            self.slices += 1
            if self.slices >= self.next_trial:
                self.next_trial += min(self.slices, TRIAL_EVERY)
                shared = not shared
                seconds = TRIAL_SECONDS
                if shared and steps > 1:
                    with nogil:
                        first = fnn_replay(self.entries, self.n, 1, team, 0.0)
                    if first == 0:
                        return 0
                    begin = fnn_now()
        seconds = min(seconds, max(end - begin, 0.0))
        with nogil:
            done = fnn_replay(self.entries, self.n, steps - first, team if shared else 1, seconds)
        now[0] = fnn_now()
        if done and not wanted:
            pace = (now[0] - begin) / done
            if pace > self.pace[shared] > 0:
                pace = self.pace[shared] + BAD_NEWS * (pace - self.pace[shared])
            self.pace[shared] = pace
        return first + done

    def info(self):
        """Facts for tests and documentation."""
        return {
            "entries": self.n, "barriers": sum([self.entries[e].barrier for e in range(self.n)]),
            "threads": self.threads, "work": self.work, "inputs": self.nuses,
            "arena_bytes": sum([size for _, size in self.arena.addresses]),
            "kernels": [kernel_names[(<Note>note).kernel] if (<Note>note).kernel >= 0 else
                        "guard" if (<Note>note).kernel == -1 else "python" for note in self.notes],
        }


cdef tuple bounds(cnp.ndarray array):
    """(first byte, end, first item) of an array; nothing of an empty one."""
    cdef ptrdiff_t low = 0
    cdef ptrdiff_t high = cnp.PyArray_ITEMSIZE(array)
    cdef int axis
    for axis in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_STRIDE(array, axis) < 0:
            low += (cnp.PyArray_DIM(array, axis) - 1) * cnp.PyArray_STRIDE(array, axis)
        else:
            high += (cnp.PyArray_DIM(array, axis) - 1) * cnp.PyArray_STRIDE(array, axis)
    first = <uintptr_t>cnp.PyArray_DATA(array)
    return (first + low, first + high, first) if cnp.PyArray_SIZE(array) else (0, 0, 0)


def layouts(tuple inputs):
    """What the arrays of two calls must share to be read by the same launches: dtype, shape, strides, alignment."""
    return tuple([
        None if array is None else
        (array.dtype, array.shape, array.strides, cnp.PyArray_ISALIGNED(<cnp.ndarray?>array)) for array in inputs
    ])


def overlaps(tuple inputs):
    """Which inputs share memory, and how far apart they begin: ((number, number, bytes), ...).

    An address in two inputs is taken for one in the first, so programs are exchangeable only where this is equal.
    """
    places = [(0, 0, 0) if array is None else bounds(array) for array in inputs]
    return tuple([
        (i, j, places[j][2] - places[i][2])
        for j in range(len(places)) for i in range(j)
        if places[i][0] < places[j][1] and places[j][0] < places[i][1]
    ])


cdef Program current_recorder():
    """The program that takes this thread's launches, or None."""
    if recorder is None or recording_thread != PyThread_get_thread_ident():
        return None
    return recorder


@cython.final
cdef class Recording:
    """The context of `Program.record` and `Program.rebind`."""
    cdef Program program
    cdef tuple inputs

    def __cinit__(self, Program program, tuple inputs, bint rebinding):
        self.program = program
        self.inputs = inputs
        program.rebinding = rebinding

    def __enter__(self):
        global recorder, active_arena, recording_thread
        cdef Program program = self.program
        if recorder is not None:
            raise RuntimeError("Program.record: another recording is going on.")
        if (program.entries != NULL) != program.rebinding:
            raise RuntimeError("Program.record: this program already holds a step." if program.entries != NULL else
                               "Program.rebind: nothing has been recorded.")
        program.declare(self.inputs)
        program.cursor = 0
        if not program.rebinding:
            program.threads = simulated_threads or current_threads()
            program.arena.recordings += 1
            program.recording = program.arena.recordings
            active_arena = program.arena
        recording_thread = PyThread_get_thread_ident()
        recorder = program
        enter_step()
        return program

    def __exit__(self, kind, error, trace):
        global recorder, active_arena
        leave_step()
        recorder = None
        active_arena = None
        if self.program.rebinding:
            self.program.inputs = []
            self.program.list_uses()
        else:
            self.program.finish()


def values_are_read(str what):
    """Called wherever Python looks at a tensor's values: a recording in which that happens cannot be replayed."""
    if fnn_dry:
        raise NotImplementedError(f"The computation looks at values ({what}), but only shapes are known here.")
    cdef Program noting = current_recorder()
    if noting is not None and noting.abandoned is None:
        noting.abandoned = what


def guard(cnp.ndarray status, make_error):
    """End the step here if ``status[0]`` is not 0, with the exception ``make_error(status[0] - 1)``.

    At once when computing eagerly; while recording, at every replay too; not in a dry run, which has no values.
    """
    if fnn_dry:
        return
    cdef Program noting = current_recorder()
    if noting is not None:
        if noting.rebinding:
            noting.renew_guard(make_error)
            return
        noting.note_guard(status, make_error)
    if status[0]:
        raise make_error(int(status[0]) - 1)
