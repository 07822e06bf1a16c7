# Ash's tasks in an application that depends on this one, as a user runs them. With Hex the application
# would have to fetch its dependencies first.
unless Code.ensure_loaded?(Hex) do
  defmodule Mix.Tasks.AshInAppTest do
    use ExUnit.Case, async: false

    @moduletag :tmp_dir
    # Compiles both applications.
    @moduletag timeout: 600_000

    @root Path.expand("../..", __DIR__)

    setup %{tmp_dir: folder} do
      for {name, text} <- files() do
        path = Path.join(folder, name)
        File.mkdir_p!(Path.dirname(path))
        File.write!(path, text)
      end

      :ok
    end

    defp files do
      %{
        "mix.exs" => """
        defmodule MyChat.MixProject do
          use Mix.Project

          def project do
            [app: :my_chat, version: "0.1.0", deps: [{:ash_rusqlite, path: #{inspect(@root)}}]]
          end

          def application, do: [extra_applications: [:logger, :ash]]
        end
        """,
        "config/config.exs" => """
        import Config
        config :my_chat, ash_domains: [MyChat.Chat], ash_rusqlite_repos: [MyChat.Repo]
        config :my_chat, MyChat.Repo, database: "chat.db"
        """,
        "lib/my_chat.ex" => """
        defmodule MyChat.Repo do
          use AshRusqlite.Repo, otp_app: :my_chat
        end

        defmodule MyChat.Chat do
          use Ash.Domain, otp_app: :my_chat

          resources do
            resource MyChat.Room
          end
        end

        defmodule MyChat.Room do
          use Ash.Resource, domain: MyChat.Chat, data_layer: AshRusqlite.DataLayer

          attributes do
            uuid_primary_key :id
            attribute :title, :string, allow_nil?: false
          end
        end
        """
      }
    end

    defp mix(folder, args) do
      env = [{"MIX_ENV", "dev"}, {"MIX_BUILD_PATH", nil}]
      {output, status} = System.cmd("mix", args, cd: folder, env: env, stderr_to_stdout: true)
      assert {status, output} == {0, output}
      output
    end

    test "codegen, migrate and reset find the data layer and work on the application's files", %{
      tmp_dir: folder
    } do
      assert mix(folder, ["ash.codegen", "create_rooms"]) =~ "* creating priv/repo/migrations/"
      assert [path] = Path.wildcard(Path.join(folder, "priv/repo/migrations/*_create_rooms.sql"))
      assert File.read!(path) =~ "title TEXT NOT NULL"

      assert mix(folder, ["ash.migrate"]) =~ "1 applied"
      assert File.regular?(Path.join(folder, "chat.db"))
      assert mix(folder, ["ash.codegen", "--check"]) =~ "up to date"
      assert mix(folder, ["ash.reset"]) =~ ~r/is deleted.*1 applied/s
    end
  end
end
