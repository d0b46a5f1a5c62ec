"""MNIST: 70,000 handwritten digits of 28x28 pixels (LeCun, Cortes, Burges)."""

from __future__ import annotations

from fastnn.datasets.files import Split, load_idx_set

URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"
# Of the files at URL, as published by TensorFlow Datasets (url_checksums/mnist.txt).
SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


def load_data() -> Split:
    """MNIST as Keras returns it.

    The four IDX files, gzipped or not, are read from ``$FASTNN_DATA_DIR/mnist`` or the cache directory, else
    downloaded into the cache.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        uint8: x (n, 28, 28) of 0 to 255, y (n,) of 0 to 9; n is 60,000 and 10,000.

    Raises
    ------
    FileNotFoundError
        If a file is neither there nor can be downloaded.
    ValueError
        If a file is damaged or something else.

    Examples
    --------
    >>> from fastnn.datasets import mnist
    >>> (x_train, y_train), (x_test, y_test) = mnist.load_data()  # doctest: +SKIP
    """
    return load_idx_set("mnist", URL, SHA256)
