# Run by bin/bench. The modules are compiled in parallel, in any order.
# Since Elixir 1.15 Mix hides applications of OTP that a project does not name.
if function_exported?(Mix, :ensure_application!, 1),
  do: apply(Mix, :ensure_application!, [:mnesia])

files = [__DIR__, "*.ex"] |> Path.join() |> Path.wildcard()
{:ok, _modules, _warnings} = Kernel.ParallelCompiler.require(files)

AshRusqlite.Bench.main(System.argv())
