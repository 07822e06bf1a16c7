defmodule AshRusqlite.Bench.Repo do
  @moduledoc false
  # The repo that is measured, with the options that a repo has when none is given.
  use AshRusqlite.Repo, otp_app: :ash_rusqlite
end
