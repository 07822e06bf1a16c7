defmodule AshRusqlite.AnyDomain do
  @moduledoc false
  # A domain for whichever resource names it.
  use Ash.Domain, validate_config_inclusion?: false

  resources do
    allow_unregistered? true
  end
end
