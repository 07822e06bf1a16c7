# Where Ash is not, the folders of test/ but test/ash are run, each with the helper of all.
Code.require_file("../test_helper.exs", __DIR__)
