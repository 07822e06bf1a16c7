# The words of Ash's resources are in the library's own; `import_deps` would need Ash.
{library, _binding} = Code.eval_file("../../.formatter.exs", __DIR__)

[
  inputs: ["{mix,.formatter,demo}.exs", "{config,lib,resources,test}/**/*.{ex,exs}"],
  locals_without_parens: library[:locals_without_parens]
]
