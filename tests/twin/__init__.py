"""A float64 twin of the paper's networks and of its training, in numpy and scipy.

Written from the paper, its cited layers' definitions and the shapes of Caffe's
weights; it shares no code with what it checks. Every layer has two functions:

    forward(x, *blobs) -> y
    backward(dy, x, y, *blobs) -> (dx, gradient of each blob)

with blobs as Caffe stores them (weights, bias), and x, y being the layer's input and
output, or, since several of Caffe's layers work in place, what is left in their blobs.
"""
