# Where Ash is not, this folder is all that is run.
Code.require_file("../test_helper.exs", __DIR__)
