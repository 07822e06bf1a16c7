# Run by bin/demo, which says in which folder it was called.
folder = System.get_env("CALLED_FROM") || File.cwd!()
System.halt(AshChat.Demo.main(System.argv(), folder: folder))
