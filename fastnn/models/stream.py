"""Batches from generators, datasets and other iterables, prepared in a thread of their own while the steps run.

The thread writes them into a ring of fixed buffers, as they come, and the steps gather from there as they do from
arrays: recorded once, replayed for all slots that are full. So a slow source and the training overlap, and a source
that only uses Python for microseconds is not asked for the interpreter at each step.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import errors
from fastnn._core import empty
from fastnn.autograd import Array, Tensor
from fastnn.models.data import Arrays, Batches, Data, Dtypes
from fastnn.utils import PyDataset

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

RING_BYTES = 32 << 20  # of one array; at least two batches
MOST_SLOTS = 16
PATIENCE = 1.0  # seconds that `close` waits for a source that does not come back

_NOTHING = object()
_ARRAY_LIKE = ("__array__", "__array_interface__", "__dlpack__", "to_numpy")


def is_stream(x: Any) -> bool:
    """Whether something hands out batches one after the other, instead of being an array or like one."""
    if isinstance(x, np.ndarray):
        return False
    if isinstance(x, PyDataset) or hasattr(x, "__next__"):
        return True
    if isinstance(x, (Tensor, Mapping, Sequence, Set)) or any(hasattr(x, name) for name in _ARRAY_LIKE):
        return False
    try:
        memoryview(x)
    except TypeError:
        return hasattr(x, "__iter__")
    return False


def unpack(who: str, item: Any) -> tuple[Any, Any, Any]:
    """x, y and sample weights of one batch."""
    if not isinstance(item, (tuple, list)):
        return item, None, None
    if not 1 <= len(item) <= 3:
        got = errors.Shown(f"a {type(item).__name__} of {len(item)}")
        raise errors.value_error(who, "it", "(x,), (x, y) or (x, y, sample_weight)", got)
    x, y, weight = (*item, None, None)[:3]
    return x, y, weight


def check_alone(who: str, **given: Any) -> None:
    """Targets and weights are part of the batches."""
    for argument, value in given.items():
        if value is not None:
            rule = "None where x gives batches"
            raise errors.value_error(who, argument, rule, value, "Put it into the batches of x.")


class Stream(Batches):
    """Batches that come from an iterable.

    Those of the first one's shape and dtype wait in a ring of fixed buffers and can be replayed; others (a smaller
    last one) are kept as they are and run as written.

    Parameters
    ----------
    who : str
        For errors and warnings.
    source : PyDataset or iterable
    read : callable
        ``read(who, item)`` gives the arrays of one batch.
    dtypes : callable
        ``dtypes(given)`` says what the arrays of a batch are converted to.
    limit : int, optional
        Steps of an epoch. An iterator is asked for no more than these; what can be gone through again begins again
        when it has ended.
    """

    known = False

    def __init__(
        self,
        who: str,
        source: Any,
        read: Callable[[str, Any], Data],
        dtypes: Callable[[Data], Dtypes],
        limit: int | None = None,
    ) -> None:
        self.who = who
        self.limit = limit
        self.index = None
        self._source = source
        self._read = read
        self._dtypes_of = dtypes
        self._again = isinstance(source, PyDataset) or not hasattr(source, "__next__")
        self._length = _length(source)
        self._pass: Any = None  # the `_Pass` that goes on
        self._spent = False  # nothing will come any more
        self._told = False  # the user was warned of that
        self._left: int | None = 0
        self._seen = 0  # in this epoch
        self._number = 0  # of the next batch
        self._rings: Arrays | None = None
        self._slots: list[Any] = []  # arrays (the ring or a batch's own) and the number of rows

    @property
    def steps(self) -> int | None:
        return self.limit or self._length

    @property
    def total(self) -> int | None:
        return None

    @property
    def sample(self) -> Data:
        arrays, begin, count = self.where(0)
        return Data(*self._packed([None if array is None else array[begin : begin + count] for array in arrays]))

    # ---- an epoch

    def begin(self, generator: np.random.Generator | None = None, anew: bool = False) -> bool:
        self._generator = generator
        self._left, self._seen = self.limit, 0
        if isinstance(self._source, PyDataset):
            self._source.on_epoch_begin()
        if anew and self._again:
            self.close()
        if self._pass is not None:
            self._pass.allow(self.limit)
            return True
        return not self._spent and self._start()

    def ready(self) -> tuple[int, int] | None:
        if self._left == 0 or self._pass is None:
            return None
        full = self._pass.full()
        if not full and not self._seen and self._again and self._pass.taken and self._start():
            full = self._pass.full()  # the epoch before took the last one
        if not full:
            self._finish()
            return None
        slot = self._pass.taken % len(self._slots)
        full = min(full, len(self._slots) - slot, full if self._left is None else self._left)
        whole = 0
        while whole < full and self._is_whole(slot + whole):
            whole += 1
        self.whole_steps = slot + whole
        return slot, max(whole, 1)

    def taken(self, steps: int) -> None:
        self._seen += steps
        if self._left is not None:
            self._left -= steps
        self._pass.take(steps)

    def end(self) -> None:
        if isinstance(self._source, PyDataset):
            self._source.on_epoch_end()

    def close(self) -> None:
        if self._pass is not None:
            self._pass.stop()
            self._pass = None

    def _start(self) -> bool:
        """Begin to go through the source; returns whether there is anything in it."""
        self.close()
        in_background = not (isinstance(self._source, PyDataset) and self._source.workers == 0)
        self._pass = _Pass(self._items(), self._put, self.limit)
        if not self._pass.fetch():  # here: the first tells what buffers to make, and processes start before threads do
            self._finish()
            return False
        self._pass.begin(len(self._slots), in_background)
        return True

    def _items(self) -> Iterator[Any]:
        if isinstance(self._source, PyDataset):
            return _dataset_items(self._source, self._generator)
        return iter(self._source)

    def _finish(self) -> None:
        """The source has ended: well, with an error, or too early."""
        error = self._pass.error
        self.close()
        self._spent = not self._again
        if error is not None:
            raise error
        if self.limit is None:
            self._length = self._seen or self._length
        elif self._seen:
            self._ran_out(self._seen)
            self._told = True

    def warn_spent(self, argument: str, what: str) -> None:
        """Say that an epoch had no batch at all, unless that was to be expected after the last warning."""
        if not self._told:
            warnings.warn(
                f"{self.who}: {argument} has no more batches: a generator can be gone through only once. {what} "
                "Give what can begin again (a PyDataset, any iterable), or a generator without an end and its steps.",
                stacklevel=4,
            )
        self._told = True

    # ---- batches

    def where(self, slot: int) -> tuple[Arrays, int, int]:
        """Arrays, first row and number of rows of a batch."""
        arrays, count = self._slots[slot]
        return arrays, slot * self.batch_size if arrays is self.arrays else 0, count

    def _is_whole(self, slot: int) -> bool:
        arrays, count = self._slots[slot]
        return arrays is self.arrays and count == self.batch_size

    def _put(self, number: int, item: Any) -> None:
        """Store batch `number` of a pass in its slot; called by the thread that fetches."""
        who = f"{self.who}, batch {number} of x"
        given = self._read(who, item)
        if self._rings is None:
            self._make_ring(given)
        elif given.form != self.form:
            rule = "of the structure of the first batch"
            raise errors.value_error(who, "it", rule, errors.Shown("other lists or dicts"))
        arrays = given.leaves
        slot, count = number % len(self._slots), len(given.first)
        if not self._fits(arrays, count):
            self._slots[slot] = (tuple([None if a is None else a.copy() for a in arrays]), count)
            return
        begin = slot * self.batch_size
        for ring, array in zip(self.arrays, arrays, strict=True):
            if ring is not None and array is not None:
                np.copyto(ring[begin : begin + count], array)
        self._slots[slot] = (self.arrays, count)

    def _make_ring(self, first: Data) -> None:
        """Buffers for batches like the first one."""
        size = len(first.first)
        largest = max(array.nbytes for array in first.leaves if array is not None)
        slots = min(max(RING_BYTES // max(largest, 1), 2), MOST_SLOTS)
        self.dtypes = self._dtypes_of(first)
        self._hold(first.map(lambda array: _ring(array, slots)), size)
        self._rings = self.arrays
        self._slots = [None] * slots

    def _fits(self, arrays: Sequence[Array | None], count: int) -> bool:
        return count <= self.batch_size and all(
            a is ring if a is None or ring is None else a.shape[1:] == ring.shape[1:] and _native(a) == ring.dtype
            for a, ring in zip(arrays, self.arrays, strict=True)
        )


def _ring(array: Array, slots: int) -> Array:
    """Room for so many arrays like this one."""
    return empty((slots * len(array), *array.shape[1:]), _native(array))


class _Pass:
    """One way through a source: a thread that fetches batches while there are free slots.

    Parameters
    ----------
    items : iterator
    put : callable
        ``put(number, item)`` stores a batch.
    allowed : int, optional
        Fetch no more than so many.
    """

    def __init__(self, items: Iterator[Any], put: Callable[[int, Any], None], allowed: int | None) -> None:
        self.error: BaseException | None = None
        self.taken = 0
        self._items = items
        self._put = put
        self._fetched = 0
        self._allowed = allowed
        self._slots = 1
        self._ended = self._stopping = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def begin(self, slots: int, in_background: bool) -> None:
        """Go on by itself from here on, if that is wanted."""
        self._slots = slots
        if in_background:
            self._thread = threading.Thread(target=self._run, name="fastnn-batches", daemon=True)
            self._thread.start()

    def fetch(self) -> bool:
        """Fetch a batch; False at the end and after an error."""
        try:
            item = next(self._items, _NOTHING)
            if item is _NOTHING or self._stopping:
                self._ended = True
            else:
                self._put(self._fetched, item)
        except BaseException as error:  # raised again where the batches are used
            self.error, self._ended = error, True
        with self._changed:
            self._fetched += not self._ended
            self._changed.notify_all()
        return not self._ended

    def full(self) -> int:
        """The number of batches that are there; waits for one; 0 at the end and after an error."""
        if self._thread is None and self._fetched == self.taken and not self._ended:
            self.fetch()
        with self._changed:
            while self._fetched == self.taken and not self._ended:
                self._changed.wait()
            return self._fetched - self.taken

    def take(self, count: int) -> None:
        """The slots of so many batches are free again."""
        with self._changed:
            self.taken += count
            self._changed.notify_all()

    def allow(self, more: int | None) -> None:
        """Fetch so many more."""
        with self._changed:
            self._allowed = None if more is None else self.taken + more
            self._changed.notify_all()

    def stop(self) -> None:
        """End the thread; one that is inside the user's code ends when that returns."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is None:
            self._close_items()
        else:
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        while self._has_room() and self.fetch():
            pass
        self._close_items()

    def _has_room(self) -> bool:
        with self._changed:
            while not self._stopping and (
                self._fetched - self.taken >= self._slots
                or (self._allowed is not None and self._fetched >= self._allowed)
            ):
                self._changed.wait()
            return not self._stopping

    def _close_items(self) -> None:
        """End the workers of a dataset; a generator of the user's stays as it is."""
        if isinstance(self._items, _DatasetItems):
            self._items.close()


class _DatasetItems:
    """The batches of a PyDataset in order, computed by its workers."""

    def __init__(self, dataset: PyDataset, order: Iterable[int]) -> None:
        self._dataset = dataset
        self._order = iter(order)
        self._pool: Executor | None = None
        self._pending: deque[Future[Any]] = deque()
        if dataset.workers > 0 and dataset.use_multiprocessing:
            from concurrent.futures import ProcessPoolExecutor

            self._pool = ProcessPoolExecutor(dataset.workers, initializer=_adopt, initargs=(dataset,))
        elif dataset.workers > 1:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(dataset.workers, "fastnn-workers")

    def __iter__(self) -> _DatasetItems:
        return self

    def __next__(self) -> Any:
        if self._pool is None:
            return self._dataset[next(self._order)]
        while len(self._pending) < max(self._dataset.max_queue_size, 1):
            number = next(self._order, None)
            if number is None:
                break
            get = _get if self._dataset.use_multiprocessing else self._dataset.__getitem__
            self._pending.append(self._pool.submit(get, number))
        if not self._pending:
            raise StopIteration
        return self._pending.popleft().result()

    def close(self) -> None:
        if self._pool is not None:
            from concurrent.futures import wait

            self._pool.shutdown(wait=False, cancel_futures=True)
            running = wait([future for future in self._pending if not future.cancelled()], PATIENCE).not_done
            self._pool.shutdown(wait=not running)
            self._pool = None


_adopted: Any = None  # the dataset of a worker process


def _adopt(dataset: PyDataset) -> None:
    global _adopted
    _adopted = dataset


def _get(number: int) -> Any:
    return _adopted[number]


def _dataset_items(dataset: PyDataset, generator: np.random.Generator | None) -> _DatasetItems:
    """One way through a dataset; in a random order where there is a generator and an end."""
    batches = dataset.num_batches
    if batches is None:
        return _DatasetItems(dataset, itertools.count())
    order = np.arange(batches)
    if generator is not None:
        generator.shuffle(order)
    return _DatasetItems(dataset, order.tolist())


def _length(source: Any) -> int | None:
    """The number of batches, where the source tells it."""
    if isinstance(source, PyDataset):
        return source.num_batches
    with contextlib.suppress(TypeError, NotImplementedError):
        return len(source)
    return None


def _native(array: Array) -> np.dtype[Any]:
    """The dtype in this machine's byte order."""
    return array.dtype.newbyteorder("=")
