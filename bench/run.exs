# Run by bin/bench. The modules are compiled in parallel, in any order.
files = [__DIR__, "*.ex"] |> Path.join() |> Path.wildcard()
{:ok, _modules, _warnings} = Kernel.ParallelCompiler.require(files)

AshRusqlite.Bench.main(System.argv())
