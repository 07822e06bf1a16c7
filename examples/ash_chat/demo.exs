# Run by bin/demo, which says in which folder it was called.
# It prints what it does itself, and a line for each query would be most of that.
Application.put_env(:ash_chat, AshChat.Repo, log: false, log_start: false)
folder = System.get_env("CALLED_FROM") || File.cwd!()
System.halt(AshChat.Demo.main(System.argv(), folder: folder))
