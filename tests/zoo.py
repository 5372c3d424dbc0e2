"""Nets of public model zoos in small: each layer type, padding and odd size of theirs.

Widths are a few channels and inputs as small as the depth allows; what is kept is where
Caffe's own rules show: pooling that rounds up, padded averages, pads before a crop.
"""

from caffe import layers as L
from caffe import params as P
from drml.nets.pycaffe import caffe

MAX, AVE = P.Pooling.MAX, P.Pooling.AVE


def new_net(*shape):
    net = caffe.NetSpec()
    net.data = L.Input(shape=dict(dim=list(shape)))
    return net


def conv(net, name, bottom, channels, size=1, relu=True, **more):
    net[name] = L.Convolution(bottom, num_output=channels, kernel_size=size, **more)
    if relu:
        net[f"{name}/relu"] = L.ReLU(net[name], in_place=True)
    return net[name]


def normed(net, name, bottom, channels, relu=True, **more):
    """Convolution without bias, BatchNorm, Scale and ReLU, each in place."""
    net[name] = L.Convolution(bottom, num_output=channels, bias_term=False, **more)
    net[f"{name}/bn"] = L.BatchNorm(net[name], in_place=True)
    net[f"{name}/scale"] = L.Scale(net[name], bias_term=True, in_place=True)
    if relu:
        net[f"{name}/relu"] = L.ReLU(net[name], in_place=True)
    return net[name]


def pool(net, name, bottom, method=MAX, size=3, stride=2, **more):
    net[name] = L.Pooling(bottom, pool=method, kernel_size=size, stride=stride, **more)
    return net[name]


def classified(net, bottom, classes=5):
    net.fc = L.InnerProduct(bottom, num_output=classes)
    net.prob = L.Softmax(net.fc)


def alexnet():
    """Normalisation before pooling, groups, a ReLU behind inner products."""
    net = new_net(2, 3, 99, 99)
    x = conv(net, "conv1", net.data, 8, 11, stride=4)
    net.norm1 = L.LRN(x, local_size=5, alpha=1e-2, beta=0.75)
    x = conv(net, "conv2", pool(net, "pool1", net.norm1), 8, 5, pad=2, group=2)
    net.norm2 = L.LRN(x, local_size=5, alpha=1e-2, beta=0.75)
    x = conv(net, "conv3", pool(net, "pool2", net.norm2), 8, 3, pad=1)
    x = pool(net, "pool5", conv(net, "conv5", x, 8, 3, pad=1, group=2))
    net.fc6 = L.InnerProduct(x, num_output=16)
    net.relu6 = L.ReLU(net.fc6, in_place=True)
    net.drop6 = L.Dropout(net.fc6, in_place=True)
    classified(net, net.fc6)
    return net


def googlenet():
    """Inception modules, whose pooling has stride 1 and pads."""
    net = new_net(1, 3, 116, 116)
    x = conv(net, "conv1", net.data, 6, 7, stride=2, pad=3)
    net.norm1 = L.LRN(pool(net, "pool1", x), local_size=5, alpha=1e-4, beta=0.75)
    x = conv(net, "conv2", conv(net, "conv2r", net.norm1, 6), 6, 3, pad=1)
    x = pool(net, "pool2", x)
    for name in ("3a", "3b"):
        parts = [
            conv(net, f"{name}/1x1", x, 2),
            conv(net, f"{name}/3x3", conv(net, f"{name}/3x3r", x, 3), 4, 3, pad=1),
            conv(net, f"{name}/5x5", conv(net, f"{name}/5x5r", x, 2), 2, 5, pad=2),
            conv(net, f"{name}/proj", pool(net, f"{name}/pool", x, stride=1, pad=1), 2),
        ]
        x = net[f"{name}/output"] = L.Concat(*parts)
    x = pool(net, "pool5", pool(net, "pool4", x), AVE, 7, 1)
    net.drop = L.Dropout(x, in_place=True, dropout_ratio=0.4)
    classified(net, x)
    return net


def resnet():
    net = new_net(2, 3, 64, 64)
    x = normed(net, "conv1", net.data, 8, kernel_size=7, stride=2, pad=3)
    x = pool(net, "pool1", x)  # 32 to 16, where without Caffe's rounding up it were 15
    for name, stride in [("2a", 1), ("3a", 2), ("3b", 1)]:
        short = x
        if name.endswith("a"):
            short = normed(
                net, f"{name}_1", x, 16, relu=False, kernel_size=1, stride=stride
            )
        y = normed(net, f"{name}_2a", x, 4, kernel_size=1, stride=stride)
        y = normed(net, f"{name}_2b", y, 4, kernel_size=3, pad=1)
        y = normed(net, f"{name}_2c", y, 16, relu=False, kernel_size=1)
        net[name] = L.Eltwise(short, y)
        net[f"{name}_relu"] = L.ReLU(net[name], in_place=True)
        x = net[name]
    classified(net, pool(net, "pool5", x, AVE, 7, 1))
    return net


def squeezenet():
    """The last convolution of 1.0 pads its 1 x 1 filters."""
    net = new_net(1, 3, 67, 67)
    x = pool(net, "pool1", conv(net, "conv1", net.data, 8, 7, stride=2))
    for name in ("fire2", "fire3"):
        squeezed = conv(net, f"{name}/squeeze", x, 3)
        net[f"{name}/concat"] = L.Concat(
            conv(net, f"{name}/1x1", squeezed, 4),
            conv(net, f"{name}/3x3", squeezed, 4, 3, pad=1),
        )
        x = net[f"{name}/concat"]
    net.drop = L.Dropout(x, in_place=True)
    x = conv(net, "conv10", x, 5, pad=1)
    net.pool10 = L.Pooling(x, pool=AVE, global_pooling=True)
    net.prob = L.Softmax(net.pool10)
    return net


def mobilenet():
    """A group a channel; v2's bottlenecks end without a ReLU and are added."""
    net = new_net(1, 3, 48, 48)
    x = normed(net, "conv1", net.data, 8, kernel_size=3, stride=2, pad=1)
    for name, stride in [("2", 2), ("3", 1)]:
        depthwise = dict(kernel_size=3, pad=1, stride=stride, group=8)
        y = normed(net, f"conv{name}/dw", x, 8, **depthwise)
        y = normed(net, f"conv{name}/sep", y, 8, relu=False, kernel_size=1)
        if stride == 1:
            net[f"block{name}"] = L.Eltwise(x, y)
            y = net[f"block{name}"]
        x = y
    net.pool6 = L.Pooling(x, pool=AVE, global_pooling=True)
    conv(net, "fc7", net.pool6, 5, relu=False)
    net.prob = L.Softmax(net.fc7)
    return net


def inception():
    """Version 3's: 1 x 7 and 7 x 1 filters, padded averages, unpadded strides."""
    net = new_net(1, 3, 75, 75)
    x = normed(net, "conv0", net.data, 6, kernel_size=3, stride=2)
    x = pool(net, "pool0", normed(net, "conv1", x, 6, kernel_size=3, pad=1))
    wide, tall = (
        dict(kernel_h=1, kernel_w=7, pad_h=0, pad_w=3, stride=1),
        dict(kernel_h=7, kernel_w=1, pad_h=3, pad_w=0, stride=1),
    )
    row = normed(net, "row", x, 4, **wide)
    mean = pool(net, "mean", x, AVE, 3, 1, pad=1)
    net.mixed = L.Concat(
        normed(net, "column", row, 4, **tall),
        normed(net, "mean_conv", mean, 4, kernel_size=1),
    )
    reduced = normed(net, "reduced", net.mixed, 4, kernel_size=3, stride=2)
    net.smaller = L.Concat(reduced, pool(net, "pool", net.mixed, round_mode=1))
    pool(net, "last", net.smaller, AVE, 8, 1)
    classified(net, net.last)
    return net


def fcn():
    """FCN-8s: a pad of 100, crops at offsets, upsampling by deconvolution."""
    net = new_net(1, 3, 40, 52)
    x = pool(net, "pool1", conv(net, "conv1", net.data, 4, 3, pad=100), size=2)
    pool3 = pool(net, "pool3", conv(net, "conv3", x, 6, 3, pad=1), size=2)
    pool4 = pool(net, "pool4", conv(net, "conv4", pool3, 6, 3, pad=1), size=2)
    x = conv(net, "fc6", pool4, 8, 7)
    conv(net, "score", x, 5, relu=False)
    up = dict(num_output=5, bias_term=False)
    net.up2 = L.Deconvolution(
        net.score, convolution_param=dict(kernel_size=4, stride=2, group=5, **up)
    )
    net.scaled = L.Power(pool3, scale=0.01)
    conv(net, "score3", net.scaled, 5, relu=False)
    net.score3c = L.Crop(net.score3, net.up2, axis=2, offset=[5, 6])
    net.fused = L.Eltwise(net.up2, net.score3c, operation=P.Eltwise.SUM)
    net.up8 = L.Deconvolution(
        net.fused, convolution_param=dict(kernel_size=8, stride=4, **up)
    )
    net.out = L.Crop(net.up8, net.data, axis=2, offset=31)
    return net


ZOO = [alexnet, googlenet, resnet, squeezenet, mobilenet, inception, fcn]

# VGG's authors published theirs in the form of 2014 (V1).
VGG = """
name: "VGG" input: "data" input_dim: 1 input_dim: 3 input_dim: 32 input_dim: 32
layers { bottom: "data" top: "conv1_1" name: "conv1_1" type: CONVOLUTION
  convolution_param { num_output: 6 pad: 1 kernel_size: 3 } }
layers { bottom: "conv1_1" top: "conv1_1" name: "relu1_1" type: RELU }
layers { bottom: "conv1_1" top: "pool1" name: "pool1" type: POOLING
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layers { bottom: "pool1" top: "fc6" name: "fc6" type: INNER_PRODUCT
  inner_product_param { num_output: 8 } }
layers { bottom: "fc6" top: "fc6" name: "relu6" type: RELU }
layers { bottom: "fc6" top: "fc6" name: "drop6" type: DROPOUT
  dropout_param { dropout_ratio: 0.5 } }
layers { bottom: "fc6" top: "prob" name: "prob" type: SOFTMAX }
"""

# And a form older still (V0), of 2013.
V0 = """
name: "old" input: "data" input_dim: 1 input_dim: 3 input_dim: 32 input_dim: 32
layers { layer { name: "conv1_1" type: "conv" num_output: 6 kernelsize: 3 pad: 1 }
  bottom: "data" top: "conv1_1" }
layers { layer { name: "relu1" type: "relu" } bottom: "conv1_1" top: "conv1_1" }
layers { layer { name: "pool1" type: "pool" pool: MAX kernelsize: 2 stride: 2 }
  bottom: "conv1_1" top: "pool1" }
layers { layer { name: "fc6" type: "innerproduct" num_output: 8 }
  bottom: "pool1" top: "fc6" }
layers { layer { name: "prob" type: "softmax" } bottom: "fc6" top: "prob" }
"""
