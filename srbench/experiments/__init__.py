"""What is built from the other rooms: depth study, training as it proceeds, a simulated study.

``depth_study`` is the SRGAN paper's Fig. 7, ``draw_evolution`` its Fig. 8, ``simulate_study`` the
way from results to conclusions with simulated raters.
"""
