defmodule AshRusqlite.Repo.ExplainTest do
  use AshRusqlite.Case, async: true

  alias AshRusqlite.Repo.Reads

  defp text(text), do: {:value, :text, text}

  describe "explain" do
    test "gives the SQL and the plan without running it" do
      where = {:expr, {:compare, :==, nil, {:col, :room_id}, text("kitchen")}}

      assert {:ok, %{sql: sql, plan: [plan]}} =
               Repo.explain(:messages, where: where, select: [:id])

      assert sql == ~s{SELECT "id" FROM "messages" WHERE ("room_id" COLLATE BINARY = ?)}
      assert plan =~ "USING COVERING INDEX messages_room (room_id=?)"
    end

    test "shows what is a part of what", %{repo: repo} do
      sql = "SELECT 1 FROM rooms UNION SELECT 2 FROM messages"
      assert {:ok, %{sql: ^sql, plan: plan}} = Reads.explain(repo, {:sql, sql, []})
      assert ["MERGE (UNION)", "  LEFT", "    SCAN rooms" <> _ | _] = plan
    end

    test "explains reads alone", %{repo: repo} do
      assert {:error, %Error{code: :unknown_column}} = Repo.explain(:rooms, where: [a: 1])
      read = {:explain, {:all, :rooms, []}}
      assert {:error, %Error{code: :invalid_query}} = Reads.explain(repo, read)
      assert {:error, %Error{}} = Reads.explain(repo, {:sql, "DELETE FROM rooms", []})
      assert {:error, %Error{}} = Repo.explain(:rooms, wher: [])

      assert {:ok, {:ok, %{plan: [_]}}} =
               Repo.transaction(fn -> Repo.explain(:rooms, where: [id: "a"]) end)
    end
  end
end
