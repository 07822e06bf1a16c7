defmodule MyApp.Repo do
  @moduledoc false
  # The repo of the documentation's examples and of the tests.
  use AshRusqlite.Repo, otp_app: :my_app
end
