# What a recorded step depends on beside the memory that it reads: Python objects, and when they were changed.
#
# A step is recorded once; its Python code does not run again. So every change of a layer, loss, metric, optimizer or
# regularizer is counted: a glance at one number tells whether anything may have changed, and the versions of a model's
# objects tell whether it was that model.

from cpython.ref cimport PyObject

import copyreg

cdef extern from *:
    """
    #if defined(_MSC_VER)
    static __declspec(thread) int fnn_steps_deep, fnn_dry, fnn_without_history;
    #else
    static _Thread_local int fnn_steps_deep, fnn_dry, fnn_without_history;
    #endif
    """
    int fnn_steps_deep          # of this thread: steps and calls of layers that are running, one within the other
    int fnn_dry                 # of this thread: launches are checked, but do not run
    int fnn_without_history     # of this thread: contexts in which operations leave none, one within the other

cdef extern from "Python.h":
    int PyObject_GenericSetAttr(object o, object name, PyObject *value) except -1
    PyObject *_PyType_Lookup(type cls, object name)

cdef unsigned long long changes = 0    # of anything, by anyone but a running step
cdef unsigned long long versions = 0   # the last one given out; no two objects ever have the same
cdef frozenset PLAIN = frozenset((bool, int, float, str, type(None)))


def structure_changes():
    """How often something that steps depend on has been changed."""
    return changes


def structure_changed():
    """Note a change that no `Tracked` object sees."""
    global changes
    changes += 1


def enter_step():
    """What is set from here to `leave_step` is a step's own doing: it changes nothing about the steps to come."""
    global fnn_steps_deep
    fnn_steps_deep += 1


def in_step():
    """Whether this thread is between `enter_step` and `leave_step`."""
    return fnn_steps_deep > 0


def leave_step():
    """Put it last into a ``finally`` whose ``try`` begins with `enter_step`: then Ctrl-C finds no gap between them."""
    global fnn_steps_deep
    fnn_steps_deep = max(fnn_steps_deep - 1, 0)


class without_history:
    """Within this context operations note nothing for gradients. Ctrl-C does not cut its ends in two: they are in C."""

    def __enter__(self):
        global fnn_without_history
        fnn_without_history += 1

    def __exit__(self, *exc):
        global fnn_without_history
        fnn_without_history -= 1


def is_grad_enabled():
    """Whether operations are being recorded (False within `no_grad`)."""
    return fnn_without_history == 0


class dry_run:
    """Within this context launches are checked, but do not run, and new arrays hold zeros: what comes out has shapes
    and dtypes, not values. ``dry_run(False)`` is an island within in which they run again.
    """

    def __init__(self, dry=True):
        self.dry = dry

    def __enter__(self):
        global fnn_dry
        self.before, fnn_dry = fnn_dry, self.dry

    def __exit__(self, *exc):
        global fnn_dry
        fnn_dry = self.before


def in_dry_run():
    """Whether this thread is within a `dry_run`."""
    return fnn_dry > 0


@cython.auto_pickle(False)
cdef class Tracked:
    """The base of what steps are made of: objects that get a new `version` when an attribute is set.

    Setting an attribute to an equal number or text, to anything within a running step, or through a property (which
    sets others in turn, or memory that kernels read) is no change. A class lists attributes that steps do not depend
    on in ``_bookkeeping``, and those whose values are looked at anyway in ``_compared``.
    """
    cdef readonly unsigned long long version

    _bookkeeping = frozenset()
    _compared = frozenset()

    def __cinit__(self, *args, **kwargs):
        global versions
        versions += 1
        self.version = versions

    cdef changed(self, name):
        global changes, versions
        cdef object cls = type(self)
        if fnn_steps_deep or name in cls._bookkeeping:
            return
        changes += 1
        if name not in cls._compared:
            versions += 1
            self.version = versions

    def __setattr__(self, name, value):
        cdef PyObject *on_class
        if fnn_steps_deep == 0:
            on_class = _PyType_Lookup(type(self), name)
            if on_class == NULL or not hasattr(type(<object>on_class), "__set__"):
                before = self.__dict__.get(name, self)
                if type(before) is not type(value) or type(value) not in PLAIN or before != value:
                    self.changed(name)
        PyObject_GenericSetAttr(self, name, <PyObject *>value)

    def __delattr__(self, name):
        PyObject_GenericSetAttr(self, name, NULL)
        self.changed(name)

    def __reduce_ex__(self, protocol):
        """Copies and pickles hold the attributes; the version is the object's own."""
        if type(self).__reduce__ is not object.__reduce__:
            return self.__reduce__()
        return copyreg.__newobj__, (type(self),), self.__getstate__()
