"""What `make gpu-test` does on a machine with a GPU (tests/gpu_test.py).

Standard library and Python 3.9 only: that machine may have nothing else.
"""
