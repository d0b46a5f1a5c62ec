"""Names of `keras.ops` that fastnn leaves out, and why; docs/keras-parity.md shows them."""

from __future__ import annotations

COMPLEX = "there are no complex numbers: networks here are real"
FACTORS = "factorizations of matrices are no part of the layers and losses here; NumPy and SciPy have them"
ATTENTION = "attention layers are not part of fastnn yet"
SEQUENCES = "connectionist temporal classification is not part of fastnn yet"

LEFT_OUT: dict[str, str] = {
    **dict.fromkeys(
        ("fft", "fft2", "ifft2", "irfft", "rfft", "stft", "istft", "polar", "view_as_complex", "view_as_real"), COMPLEX
    ),
    **dict.fromkeys(
        (
            "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "logdet", "lstsq", "lu_factor", "matrix_rank",
            "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
        ),
        FACTORS,
    ),
    **dict.fromkeys(("ctc_decode", "ctc_loss"), SEQUENCES),
    "dot_product_attention": ATTENTION,
    "i0": "the Bessel function is in no layer or loss; `kaiser` computes its window with NumPy",
    "jvp": "gradients are computed in reverse mode only",
    "fold": "the inverse of `unfold`; transposed convolutions compute such sums without the patches",
    "unfold": "convolutions and pooling read the patches where they lie, none is stored",
}  # fmt: skip
