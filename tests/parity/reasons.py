"""Why names of Keras are left out, and why signatures differ: patterns in the order in which they are tried.

A name that no pattern explains makes tests/parity/test_names.py fail.
"""

from __future__ import annotations

from tests.parity.left_out_ops import LEFT_OUT as LEFT_OUT_OPS

RECURRENT = "recurrent and attention layers are not part of fastnn yet"
THREE_D = "images and lines only: there are no kernels for volumes"
LOW_PRECISION = "kernels compute in float32 or float64 only: `set_floatx`"
BACKENDS = "there is one backend, fastnn's own kernels"
JAX_STYLE = "state is changed in place; pure functions of the state are how JAX needs it"
DIRECTORIES = "reading folders of files is left to libraries for that; `fit` takes what they give"
TEXT = "text is left to libraries for that; Embedding takes the numbers they give"
SAVING_HOOKS = "how a class lays out its own files; weights are always saved as `vars/0, 1, ...`"
FUNCTION_LAYERS = "wraps another framework's code"
COLOURS = "flips, moves, turns, zooms, crops, contrast and brightness are there; write others as a Layer of ops"
BOXES = "images alone are changed: no labels, boxes and masks beside them in a dict"
ADAPTIVE = "not yet; a global pooling or a fixed pool size does in most networks"
PILLOW = "Pillow does this: `np.asarray(Image.open(path))`"

LEFT_OUT_MODULES: dict[str, str] = {
    "applications": "large pretrained networks are not what fastnn is for, and their weights are downloads",
    "distillation": "a training recipe; write it as a `train_step`",
    "distribution": "one process; its threads share the work",
    "dtype_policies": LOW_PRECISION,
    "export": "a `.keras` file is what other tools read",
    "legacy": "files and calls of Keras 2",
    "mixed_precision": LOW_PRECISION,
    "quantizers": LOW_PRECISION,
    "visualization": "galleries of images are left to matplotlib",
}

LEFT_OUT: dict[str, str] = {
    **{f"keras.ops.{name}": reason for name, reason in LEFT_OUT_OPS.items()},
    # ---- keras
    "keras.DTypePolicy": LOW_PRECISION,
    "keras.FloatDTypePolicy": LOW_PRECISION,
    "keras.Quantizer": LOW_PRECISION,
    "keras.Function": "a graph is a Model here",
    "keras.Operation": "ops are functions here; a class of one's own is a Layer",
    "keras.RematScope": "small networks need no recomputation of activations",
    "keras.remat": "small networks need no recomputation of activations",
    "keras.StatelessScope": JAX_STYLE,
    "keras.SymbolicScope": "symbolic calls are known by their arguments",
    "keras.device": BACKENDS,
    "keras.name_scope": "names of variables come from their layers",
    # ---- methods of layers and models
    "*.quantize": LOW_PRECISION,
    "*.quantize*": LOW_PRECISION,
    "*.quantization_*": LOW_PRECISION,
    "*quantization*": LOW_PRECISION,
    "*.enable_lora": "low-rank adaptation is for large pretrained networks",
    "*.lora_*": "low-rank adaptation is for large pretrained networks",
    "*.stateless_*": JAX_STYLE,
    "*.*_state_tree": JAX_STYLE,
    "*.rematerialized_call": "small networks need no recomputation of activations",
    "*.save_own_variables": SAVING_HOOKS,
    "*.load_own_variables": SAVING_HOOKS,
    "*.variable_serialization_spec": SAVING_HOOKS,
    "*.save_assets": SAVING_HOOKS,
    "*.load_assets": SAVING_HOOKS,
    "*.symbolic_call": "symbolic calls are known by their arguments",
    "*.export": "a `.keras` file is what other tools read",
    "keras.KerasTensor.ragged*": "there are no ragged tensors",
    "keras.KerasTensor.row_splits_dtype": "there are no ragged tensors",
    "keras.KerasTensor.sparse": "there are no sparse tensors",
    "keras.Variable.aggregation": "one process",
    "keras.Variable.synchronization": "one process",
    "keras.Variable.overwrite_with_gradient": LOW_PRECISION,
    "keras.*.jit_compile": "kernels are compiled C",
    # ---- layers
    "keras.layers.*3D": THREE_D,
    "keras.layers.*3DTranspose": THREE_D,
    "keras.layers.*LSTM*": RECURRENT,
    "keras.layers.*GRU*": RECURRENT,
    "keras.layers.*RNN*": RECURRENT,
    "keras.layers.*Attention*": RECURRENT,
    "keras.layers.Bidirectional": RECURRENT,
    "keras.layers.TimeDistributed": RECURRENT,
    "keras.layers.ReversibleEmbedding": RECURRENT,
    "keras.layers.TextVectorization": TEXT,
    "keras.layers.StringLookup": TEXT,
    "keras.layers.Hash*": TEXT,
    "keras.layers.IntegerLookup": "`np.unique(x, return_inverse=True)` numbers values",
    "keras.layers.CategoryEncoding": "`ops.one_hot` and `ops.multi_hot` do this",
    "keras.layers.Discretization": "`np.digitize` does this before training",
    "keras.layers.MelSpectrogram": "needs Fourier transforms, for which there are no kernels",
    "keras.layers.STFTSpectrogram": "needs Fourier transforms, for which there are no kernels",
    "keras.layers.FlaxLayer": FUNCTION_LAYERS,
    "keras.layers.JaxLayer": FUNCTION_LAYERS,
    "keras.layers.TFSMLayer": FUNCTION_LAYERS,
    "keras.layers.TorchModuleWrapper": FUNCTION_LAYERS,
    "keras.layers.Pipeline": "Sequential does this",
    "keras.layers.MaxNumBoundingBoxes": "object detection is not part of fastnn",
    "keras.layers.Adaptive*": ADAPTIVE,
    "keras.ops.adaptive_*": ADAPTIVE,
    "keras.layers.EinsumDense": "`ops.einsum` in a Layer does this; attention layers are what it is for",
    "keras.layers.SpectralNormalization": "a wrapper that changes another layer's weights as it is called; not yet",
    "keras.layers.Wrapper": "a Layer that holds another is one without it",
    "keras.layers.*.get_random_transformation": BOXES,
    "keras.layers.*.transform_*": BOXES,
    "keras.layers.*.get_*_bbox": BOXES,
    "keras.layers.*.get_transformed_x_y": BOXES,
    "keras.layers.Normalization.finalize_state": "`adapt` does all of it",
    **{
        f"keras.layers.{name}": COLOURS
        for name in (
            "AugMix", "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "CutMix", "Equalization", "MixUp",
            "RandAugment", "RandomColorDegeneration", "RandomColorJitter", "RandomElasticTransform", "RandomErasing",
            "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective",
            "RandomPosterization", "RandomSaturation", "RandomSharpness", "RandomShear", "Solarization",
        )
    },
    # ---- losses and metrics
    "keras.losses.CTC": RECURRENT,
    "keras.losses.ctc": RECURRENT,
    # ---- optimizers
    "keras.optimizers.LossScaleOptimizer": LOW_PRECISION,
    "keras.optimizers.MultiOptimizer": (
        "a `train_step` of one's own applies one optimizer to each part of the model"
    ),
    "keras.optimizers.OptimizerMap": "a `train_step` of one's own applies one optimizer to each part of the model",
    "keras.optimizers.ScheduleFreeAdamW": "not yet; `Adam(use_ema=True)` averages weights, too",
    "keras.optimizers.Muon.*": "parts of its step",
    "keras.optimizers.legacy*": "classes of Keras 2",
    # ---- initializers
    "keras.initializers.STFT*": "needs Fourier transforms, for which there are no kernels",
    "keras.initializers.stft": "needs Fourier transforms, for which there are no kernels",
    "keras.ops.image.extract_patches_3d": THREE_D,
    "keras.ops.image.*": "not yet; `affine_transform`, `resize` and ops on whole arrays do most of it",
    # ---- callbacks
    "keras.callbacks.OrbaxCheckpoint": "a format of JAX; ModelCheckpoint and BackupAndRestore write Keras's",
    "keras.callbacks.RemoteMonitor": "nothing in fastnn opens a connection; a LambdaCallback can",
    # ---- saving, utils, config
    "keras.saving.KerasFileEditor": "h5py edits a file of weights",
    "keras.utils.Config": "Keras's own bookkeeping",
    "keras.utils.FeatureSpace": "tables are left to pandas and scikit-learn",
    "keras.utils.Progbar": "tqdm does this",
    "keras.utils.array_to_img": PILLOW,
    "keras.utils.img_to_array": PILLOW,
    "keras.utils.load_img": PILLOW,
    "keras.utils.save_img": PILLOW,
    "keras.utils.*_dataset_from_directory": DIRECTORIES,
    "keras.utils.get_file": "pooch does this, with hashes",
    "keras.utils.get_source_inputs": "`model.inputs` has them",
    "keras.utils.model_to_dot": "`plot_model` draws SVG without an external program",
    "keras.utils.split_dataset": "slices of arrays do this; `fit(validation_split=...)` does it for training",
    "keras.utils.timeseries_dataset_from_array": (
        "`np.lib.stride_tricks.sliding_window_view` is read without a copy"
    ),
    "keras.preprocessing.*_from_directory": DIRECTORIES,
    "keras.preprocessing.timeseries*": "`np.lib.stride_tricks.sliding_window_view` is read without a copy",
    "keras.preprocessing.image.smart_resize": "the layer Resizing does this",
    "keras.preprocessing.image.*": PILLOW,
    "keras.config.*flash_attention*": RECURRENT,
    "keras.config.*traceback_filtering*": "errors are one sentence, raised before any work starts",
    "keras.config.enable_unsafe_deserialization": "no code from a file is ever executed, so nothing is unsafe",
    "keras.config.is_nnx_enabled": BACKENDS,
    "keras.config.set_backend": BACKENDS,
    "keras.config.*dtype_policy": LOW_PRECISION,
    "keras.config.*max_epochs": "pass `epochs=` to `fit`",
    "keras.config.*max_steps_per_epoch": "pass `steps_per_epoch=` to `fit`",
    "keras.backend.result_type": "ops promote dtypes as Keras does; `(x + y).dtype` tells",
    "keras.tree.MAP_TO_NONE": "None as a result of the function does this",
    "keras.tree.assert_same_paths": "`assert_same_structure` does this",
    "keras.tree.map_structure_up_to": "optree has more than what models need",
    "keras.tree.traverse": "optree has more than what models need",
    "keras.callbacks.TensorBoard.summary": "it is TensorFlow's module",
    "keras.DTypePolicy.*": LOW_PRECISION,
    "keras.random.SeedGenerator.next": "draws move the state on themselves, by a launch that is replayed",
    # ---- data
    "keras.datasets.boston_housing": "withdrawn by its publishers for what one of its columns assumes",
    "keras.datasets.california_housing": "scikit-learn has it: `sklearn.datasets.fetch_california_housing`",
    "keras.datasets.cifar100": "not yet; cifar10, mnist, fashion_mnist and the embedded digits are there",
    "keras.datasets.imdb": TEXT,
    "keras.datasets.reuters": TEXT,
    "keras.wrappers.*": "scikit-learn's interface is not there yet",
}

DIFFERENCES: dict[str, str] = {
    "keras.layers.Dense.call": "`training` changes nothing in it",
    "keras.layers.InputLayer.call": "it passes its input on",
    "keras.layers.Rescaling.from_config": "there are no custom objects in it",
    "*.Layer.add_metric": "Keras 3 takes any arguments and raises; here it works as in Keras 2",
    "*.add_weight": "Keras takes the older order of arguments, too, by `*args`",
    "*.compute_output_shape": "Keras takes several shapes; they come as one list here",
    "keras.Sequential.compute_output_spec": "`training` and `mask` by keyword, which says more",
    "keras.models.Sequential.compute_output_spec": "`training` and `mask` by keyword, which says more",
    "keras.tree.*": "what models need of it",
    "keras.utils.plot_model": "SVG, which needs no other program",
    "keras.Variable": "storage never moves and has one owner: nothing to aggregate, synchronize or autocast",
    "keras.optimizers.*.build": "all optimizers call its argument `variables`, as Keras's base class does",
    "keras.optimizers.Adadelta.update_step": "all optimizers call its argument `gradient`",
}

# What has the same signature but does something else, on purpose.
BEHAVIOUR: dict[str, str] = {
    "activations.sparsemax": "the projection onto the simplex; in Keras 3.15.1 rows do not add up to 1",
    "activations.celu": "the slope at 0 is 1, as on JAX; TensorFlow adds two branches to 2",
    "activations.hard_shrink, threshold": "NaN gives NaN",
    "layers.RandomCrop": (
        "in inference images are cut and resized, as Keras documents; Keras 3.15.1 leaves them as they "
        "are"
    ),
    "layers.Lambda": (
        "a function stored as code is never loaded, with `safe_mode=False` neither: pass it in "
        "`custom_objects`"
    ),
    "layers.Embedding": "an index out of range is an IndexError; negative ones count from the end",
    "layers.GaussianDropout, AlphaDropout": "a rate of 1 is an error in training, not a division by 0",
    "layers.Conv*Transpose": (
        '"same" with an even reach and output_padding 0 works, as on JAX; TensorFlow refuses it'
    ),
    "layers.UpSampling2D, Resizing": "bicubic places are exact, as on JAX; TensorFlow rounds them to 1/1024",
    "layers.BatchNormalization": (
        "`renorm=True` is refused; with a mask and one channel moving statistics keep their axis"
    ),
    "losses.CategoricalCrossentropy": (
        "from logits, the derivative is true also where targets do not add up to 1, as on JAX"
    ),
    "losses.CategoricalGeneralizedCrossEntropy": "labels (n, 1) give n values, not n x n",
    "losses, metrics of pairs": "(n,) and (n, 1) are aligned, never broadcast to (n, n)",
    "metrics": "state is float64; under masks, metrics follow Keras on TensorFlow (on JAX they lose the mask)",
    "optimizers": "`clipnorm` and its like of 0 are refused; `learning_rate` is a float64 variable",
    "optimizers.LBFGS": "new: for small data, as scikit-learn's MLP has it; its history is not saved",
    "optimizers.schedules.CosineDecayRestarts": (
        "restarts at exact steps, where a logarithm in float32 may be one off"
    ),
    "losses.Perceptron, metrics.ConfusionMatrix": "new",
    "Model.fit": (
        "a spent generator ends training with a warning; `shuffle=True` with a generator is ignored without one; "
        "`class_weight` is taken with generators, too; lists of numbers are one array"
    ),
    "Model.fit, validation_steps": (
        "a generator goes on where the validation before stopped, no batch twice or lost; in Keras its first two "
        "come again each time, and on TensorFlow those fetched ahead are lost besides, how many depends on timing"
    ),
    "Model.fit, verbose": (
        "1 draws with tqdm, on stderr; `auto` is silent where that is no terminal or notebook; 2 prints Keras's text"
    ),
    "Model.__call__": (
        "on plain arrays it notes nothing for gradients, unless `training=True`; in a `train_step` data are tensors"
    ),
    "Model.compile": "several losses of one output are refused; without `compile`, `fit` is a RuntimeError",
    "Model.add_metric": "works, as in Keras 2",
    "Model.save": "`.keras` (with h5py) and `.npz`; `.h5` of Keras 2 is refused",
    "Model.summary": (
        "lines longer than the terminal are not cut; the batch axis is None also after a call on data; shapes of "
        "subclassed layers are shown"
    ),
    "Layer": "an argument that is not known is a TypeError, not a ValueError",
    "Layer.get_config": "`dtype` is its name, not a policy's configuration; arguments that are None may be missing",
    "layers, on integers": "give floats, where pooling, padding, cropping, activations and the like keep integers",
    "random.SeedGenerator": "its state is three numbers (uint64), not two (uint32)",
    "utils.normalize": "axis 0 is axis 0 (not the last one), and one row stays one row",
    "utils.to_categorical": "a label out of range is a ValueError, a negative one, too",
    "Layer.output": "is there while what it gave, or a model of it, is held",
    "Layer.add_weight": "`overwrite_with_gradient=True` is refused",
    "Input": "`sparse=True` and `ragged=True` are refused",
    "callbacks.TensorBoard": (
        "`profile_batch`, `embeddings_freq` and `embeddings_metadata` are refused: they need TensorFlow"
    ),
    "callbacks.ProgbarLogger": "changes nothing: `fit` draws its line, or does not, as `verbose` says",
    "utils.plot_model": "writes SVG; beside a name of another kind, with a warning",
    "ops.norm": "orders nuc, 2 and -2 of matrices are refused",
    "ops.segment_max, segment_min": "empty segments hold the type's extreme, as on TensorFlow",
    "ops.while_loop, cond, switch, nonzero, unique, bincount, histogram": (
        "read values, so such a step runs through Python"
    ),
    "ops, integers": "division and remainder by 0 give 0, as in NumPy; `empty` gives zeros",
}
