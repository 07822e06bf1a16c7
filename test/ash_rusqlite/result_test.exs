defmodule AshRusqlite.ResultTest do
  use ExUnit.Case, async: true

  doctest AshRusqlite.Result
end
