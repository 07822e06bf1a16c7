[
  inputs: [
    "{mix,.formatter}.exs",
    "native/*.exs",
    "{lib,test,bench,examples,config}/**/*.{ex,exs}"
  ]
]
