"""The networks' names and the faces that they take; what needs no Caffe."""

FACE_SIZE = {"drml": 170, "convnet": 170, "lcn": 170, "alexnet": 227}  # the crop
# Folder of the import: AlexNet wants faces registered at 256 instead of 200.
FACES = {"drml": "bp4d", "convnet": "bp4d", "lcn": "bp4d", "alexnet": "bp4d_256"}
TITLES = {"drml": "DRML", "convnet": "ConvNet", "lcn": "LCN", "alexnet": "AlexNet"}
# The classical methods, which are no networks (drml/classical).
METHODS = {"lsvm": "LSVM", "apl": "APL", "jpml": "JPML"}
