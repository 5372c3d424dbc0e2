"""pycaffe without Caffe's chatter: `from drml.pycaffe import caffe`."""

import caffe

caffe.init_log(1, True)  # warnings and errors only; glog allows one call a process
