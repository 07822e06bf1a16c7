defmodule AshRusqlite.Oracle.Resources.Author do
  @moduledoc false
  # The resource that has one of everything.

  alias AshRusqlite.Oracle

  def code(use_resource, name) do
    quote do
      defmodule unquote(name.(:Author)) do
        @moduledoc false
        unquote(AshRusqlite.Oracle.Resources.resource(use_resource))
        require Ash.Expr

        attributes do
          attribute(:id, :uuid, primary_key?: true, allow_nil?: false, public?: true)

          attribute(:name, :string,
            public?: true,
            constraints: [allow_empty?: true, trim?: false]
          )

          attribute(:handle, :ci_string,
            public?: true,
            constraints: [allow_empty?: true, trim?: false]
          )

          attribute(:age, :integer, public?: true)
          attribute(:score, :float, public?: true)
          attribute(:balance, :decimal, public?: true)
          attribute(:active, :boolean, public?: true)
          attribute(:kind, :atom, public?: true, constraints: [one_of: [:ape, :bee, :cat]])
          attribute(:level, Oracle.Level, public?: true)
          attribute(:born, :date, public?: true)
          attribute(:seen, :utc_datetime, public?: true)
          attribute(:seen_exactly, :utc_datetime_usec, public?: true)
          attribute(:wakes, :time, public?: true)
          attribute(:settings, :map, public?: true)

          attribute(:tags, {:array, :string},
            public?: true,
            constraints: [items: [allow_empty?: true]]
          )

          attribute(:numbers, {:array, :integer}, public?: true)
          attribute(:blob, :binary, public?: true)
          attribute(:anything, :term, public?: true)
          attribute(:code, Oracle.Code, public?: true)
          attribute(:points, Oracle.Points, public?: true)
          attribute(:profile, Oracle.Profile, public?: true)
          attribute(:profiles, {:array, Oracle.Profile}, public?: true)
          attribute(:thing, Oracle.Thing, public?: true)
          attribute(:renamed, :string, public?: true, source: :other_name)
          attribute(:stamp, :integer, public?: true, update_default: 1)

          if Code.ensure_loaded?(Duration) do
            attribute(:span, :duration, public?: true)
          end
        end

        relationships do
          belongs_to(:group, unquote(name.(:Group)), public?: true, attribute_type: :integer)
          belongs_to(:boss, __MODULE__, public?: true, attribute_type: :uuid)
          has_many(:minions, __MODULE__, public?: true, destination_attribute: :boss_id)
          has_many(:posts, unquote(name.(:Post)), public?: true)

          has_many :liked_posts, unquote(name.(:Post)) do
            public?(true)
            filter(expr(likes > 1))
          end

          has_one(:card, unquote(name.(:Card)), public?: true)

          has_one :last_post, unquote(name.(:Post)) do
            public?(true)
            from_many?(true)
            sort(likes: :desc, id: :asc)
          end

          has_many :top_posts, unquote(name.(:Post)) do
            public?(true)
            sort(likes: :desc_nils_last, id: :asc)
            limit(2)
          end

          has_many :rich_posts, unquote(name.(:Post)) do
            public?(true)
            filter(expr(price > 1 and likes > parent(age)))
          end

          unquote(
            AshRusqlite.Oracle.Resources.through([
              {:has_many, :post_comments, name.(:Comment), [:posts, :comments]},
              {:has_many, :boss_posts, name.(:Post), [:boss, :posts]}
            ])
          )

          has_many :namesakes, __MODULE__ do
            public?(true)
            no_attributes?(true)
            filter(expr(name == parent(name)))
          end

          many_to_many :topics, unquote(name.(:Topic)) do
            public?(true)
            through(unquote(name.(:AuthorTopic)))
            source_attribute_on_join_resource(:author_id)
            destination_attribute_on_join_resource(:topic_id)
          end

          has_many :strong_joins, unquote(name.(:AuthorTopic)) do
            public?(true)
            destination_attribute(:author_id)
            filter(expr(rank > 1))
          end

          many_to_many :strong_topics, unquote(name.(:Topic)) do
            public?(true)
            join_relationship(:strong_joins)
            through(unquote(name.(:AuthorTopic)))
            source_attribute_on_join_resource(:author_id)
            destination_attribute_on_join_resource(:topic_id)
            filter(expr(is_nil(weight) or weight < 10))
          end
        end

        calculations do
          calculate(:older, :integer, expr(age + 1), public?: true)
          calculate(:half, :float, expr(age / 2), public?: true)
          calculate(:full, :string, expr((name || "?") <> "-" <> (code || "")), public?: true)

          calculate(:rank, :string, expr(if(age >= 3, do: "old", else: "young")), public?: true)
          calculate(:known?, :boolean, expr(not is_nil(name) and active), public?: true)
          calculate(:group_title, :string, expr(group.title), public?: true)
          calculate(:boss_age, :integer, expr(boss.age + group.size), public?: true)
          calculate(:busy?, :boolean, expr(post_count > 1 || active), public?: true)
          calculate(:chatty?, :boolean, expr(exists(posts, likes > parent(age))), public?: true)
          calculate(:nested, :integer, expr(older + like_sum), public?: true)

          calculate :plus, :integer, expr(age + ^arg(:amount)) do
            public?(true)
            argument(:amount, :integer, default: 10)
          end

          calculate :elixir, :string, {Oracle.Shout, []} do
            public?(true)
          end
        end

        aggregates do
          count(:post_count, :posts, public?: true)
          count(:minion_count, :minions, public?: true)
          count(:topic_count, :topics, public?: true)
          count(:strong_count, :strong_topics, public?: true)
          list(:strong_weights, :strong_topics, :weight, public?: true)
          max(:top_likes, :top_posts, :likes, public?: true)
          list(:top_titles, :top_posts, :title, public?: true)
          first(:last_title_of_all, :last_post, :title, public?: true)
          count(:rich_count, :rich_posts, public?: true)
          count(:strong_posts, [:strong_topics, :posts], public?: true)
          count(:namesake_count, :namesakes, public?: true)

          count :liked_count, :posts do
            public?(true)
            filter(expr(likes > 1 and not is_nil(title)))
          end

          count(:liked_posts_count, :liked_posts, public?: true)

          count :title_count, :posts do
            public?(true)
            field(:title)
          end

          count :unique_titles, :posts do
            public?(true)
            field(:title)
            uniq?(true)
          end

          count(:comment_count, [:posts, :comments], public?: true)
          sum(:stars, [:posts, :comments], :stars, public?: true)
          sum(:like_sum, :posts, :likes, public?: true)
          sum(:like_sum_or_zero, :posts, :likes, public?: true, default: 0)
          max(:most, :posts, :likes, public?: true)
          min(:least, :posts, :likes, public?: true)
          min(:first_day, :posts, :day, public?: true)
          max(:last_title, :posts, :title, public?: true)
          avg(:average, :posts, :likes, public?: true)
          sum(:price_sum, :posts, :price, public?: true)
          exists(:posted?, :posts, public?: true)

          exists :priced?, :posts do
            public?(true)
            filter(expr(price > 1))
          end

          first :best_title, :posts, :title do
            public?(true)
            sort(likes: :desc)
          end

          first :best_title_or_nil, :posts, :title do
            public?(true)
            sort(likes: :desc, title: :asc_nils_first)
            include_nil?(true)
          end

          first(:group_name, :group, :title, public?: true)

          list :titles, :posts, :title do
            public?(true)
            sort(title: :desc)
          end

          list :titles_and_nils, :posts, :title do
            public?(true)
            include_nil?(true)
          end

          list :unique_title_list, :posts, :title do
            public?(true)
            uniq?(true)
          end

          sum(:doubled, :posts, :twice, public?: true)
          min(:cheapest, :posts, :price, public?: true)
          max(:dearest, :posts, :price, public?: true)
          avg(:price_mean, :posts, :price, public?: true)
          avg(:rating_mean, :posts, :rating, public?: true)
          max(:last_handle, :minions, :handle, public?: true)
          min(:first_shown, :posts, :shown, public?: true)
          count(:loud_count, :posts, field: :loud, public?: true)
          max(:best_rank, [:minions, :posts], :likes, public?: true)
          first(:boss_title, [:boss, :group], :title, public?: true)
          count(:peers, [:group, :authors], public?: true)

          list(:topic_weights, :topics, :weight, public?: true)
          first(:first_topic, :topics, :label, public?: true)

          list :topic_labels, :topics, :label do
            public?(true)
            sort(label: :desc)
          end

          list :prices, :posts, :price do
            public?(true)
            sort(price: :desc, title: :asc)
          end

          list :comment_stars, [:posts, :comments], :stars do
            public?(true)
            sort(stars: :desc_nils_first)
          end

          list :handles, :minions, :handle do
            public?(true)
            sort(handle: :asc)
            uniq?(true)
          end

          unquote(
            AshRusqlite.Oracle.Resources.where_through(
              quote do
                # Older releases know no aggregates of aggregates either.
                sum(:comments_of_posts, :posts, :comment_count, public?: true)
                count(:through_count, :post_comments, public?: true)
                sum(:through_stars, :post_comments, :stars, public?: true)
                list(:boss_titles, :boss_posts, :title, public?: true)
              end
            )
          )

          count :older_joined, [:posts, :comments] do
            public?(true)
            join_filter(:posts, expr(likes > 0))
          end
        end

        identities do
          identity(:by_code, [:code], pre_check_with: unquote(elem(use_resource, 2)))
        end

        actions do
          default_accept(:*)
          defaults([:read, :destroy, create: :*, update: :*])

          read :paged do
            pagination(keyset?: true, offset?: true, countable: true, required?: false)
          end

          update :birthday do
            accept([])
            change(atomic_update(:age, expr(age + 1)))
          end

          update :rename do
            accept([])
            argument(:suffix, :string)
            change(atomic_update(:name, expr(name <> ^arg(:suffix))))
            change(atomic_update(:active, expr(age > 2 and active)))
          end

          update :relabel do
            accept([:level])
            require_atomic?(false)
            change(Oracle.Upcase)
          end

          create :put do
            upsert?(true)
            upsert_identity(:by_code)
            upsert_fields([:name, :age])
          end

          create :put_counted do
            upsert?(true)
            upsert_identity(:by_code)
            upsert_fields([:name])
            upsert_condition(expr(level != upsert_conflict(:level) or age > 2))
            change(atomic_update(:age, expr(age + 1)))
          end

          create :put_older do
            upsert?(true)
            upsert_identity(:by_code)
            upsert_fields([:name, :age])
            upsert_condition(expr(age < upsert_conflict(:age)))
          end
        end
      end
    end
  end
end

defmodule AshRusqlite.Oracle.Shout do
  @moduledoc false
  use Ash.Resource.Calculation

  @impl true
  def load(_query, _opts, _context), do: [:name]

  @impl true
  def calculate(records, _opts, _context),
    do: Enum.map(records, &(&1.name && String.upcase(&1.name)))
end

defmodule AshRusqlite.Oracle.Upcase do
  @moduledoc false
  # A change that is no expression, with hooks.
  use Ash.Resource.Change

  @impl true
  def change(changeset, _opts, _context) do
    Ash.Changeset.before_action(changeset, fn changeset ->
      name = changeset.data.name
      Ash.Changeset.force_change_attribute(changeset, :name, name && String.upcase(name))
    end)
  end
end
