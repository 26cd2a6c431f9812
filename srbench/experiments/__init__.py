"""Experiments built from the other packages.

``depth_study`` is the SRGAN paper's Fig. 7, ``draw_evolution`` its Fig. 8, and ``simulate_study`` a
study of a results folder with simulated raters.
"""
