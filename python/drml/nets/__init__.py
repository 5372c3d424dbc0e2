"""The networks: their layers, prototxts, weights, solver files, logs; pycaffe."""
