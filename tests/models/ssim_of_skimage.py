"""Prints the structural similarity of FOLDER/reference.f64 and FOLDER/prediction.f64, WIDTH columns each, as
scikit-image computes it, or "missing ..." where scikit-image is not installed."""
import sys

try:
    import numpy
    from skimage.metrics import structural_similarity
except ImportError as error:
    print("missing: {}. Install python3-skimage to run this test.".format(error))
    sys.exit(0)

folder, width = sys.argv[1], int(sys.argv[2])
reference, prediction = (
    numpy.fromfile(f"{folder}/{name}.f64").reshape(-1, width) for name in ("reference", "prediction"))
print(repr(float(structural_similarity(reference, prediction, gaussian_weights=True, sigma=1.5,
                                       use_sample_covariance=False, data_range=1))))
