"""Networks and their weights: SRResNet, SRCNN, ESPCN, the discriminator, VGG19 features.

This package imports nothing: most of its modules need torch, but the catalogue of weights does not.
"""
