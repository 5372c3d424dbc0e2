"""Our Caffe timed against PyTorch, each in a process and an environment of its own.

The modules torch_* run in the peer's environment, which has PyTorch and no Caffe.
"""
