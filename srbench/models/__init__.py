"""Networks and their weights: SRResNet, SRCNN, ESPCN, the discriminator, VGG19 features.

Nothing is imported here: most of these modules need torch, the catalogue of weights does not.
"""
