import Config

config :ash_chat,
  ash_domains: [AshChat.Chat],
  ash_rusqlite_repos: [AshChat.Repo]

# Where `mix ash.migrate`, `mix ash_chat.adopt` and a shell find the chat. The demo and the tests say
# where their own databases are.
config :ash_chat, AshChat.Repo, database: "chat.db"
