"""LSVM, APL and JPML: linear models of SIFT descriptors (paper, 4.1 and Table 1)."""
