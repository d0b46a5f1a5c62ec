"""Fashion-MNIST: 70,000 pictures of clothes of 28x28 pixels (Xiao, Rasul, Vollgraf, arXiv:1708.07747)."""

from __future__ import annotations

from fastnn.datasets.files import Split, load_idx_set

URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
# Of the files at URL, as published by TensorFlow Datasets (url_checksums/fashion_mnist.txt).
SHA256 = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}


def load_data() -> Split:
    """Fashion-MNIST as Keras returns it.

    Classes: T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot. The four IDX files,
    gzipped or not, are read from ``$FASTNN_DATA_DIR/fashion_mnist`` or the cache directory, else downloaded into the
    cache.

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
    >>> from fastnn.datasets import fashion_mnist
    >>> (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()  # doctest: +SKIP
    """
    return load_idx_set("fashion_mnist", URL, SHA256)
