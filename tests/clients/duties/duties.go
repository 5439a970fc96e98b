// Go's lib/pq by database/sql: parameters as text, its own cancel by context, arrays, notices.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"time"

	"github.com/lib/pq"
)

const (
	running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%generate_series(1, 3000000)%'"
	long    = "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a <> b"
	number  = "12345678901234567890.123456789"
	tables  = "business_customers consents loyalty_levels member_levels members products purchase_lines purchases stores"
)

var failed = false

type skipped string

func duty(name string, ask func() string) {
	defer func() {
		if said := recover(); said != nil {
			if reason, is := said.(skipped); is {
				fmt.Printf("skipped %s: %s\n", name, string(reason))
				return
			}
			failed = true
			fmt.Printf("FAILED %s: duties.go: %s\n", name, strings.Join(strings.Fields(fmt.Sprint(said)), " "))
		}
	}()
	note := ask()
	if note != "" {
		note = " (" + note + ")"
	}
	fmt.Printf("ok %s%s\n", name, note)
}

func equal(found, expected interface{}) {
	if !reflect.DeepEqual(found, expected) {
		panic(fmt.Sprintf("expected %#v, found %#v", expected, found))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func open(more string) *sql.DB {
	db, err := sql.Open("postgres", more)
	must(err)
	return db
}

var db = open("")

func texts(query string, arguments ...interface{}) [][]string {
	rows, err := db.Query(query, arguments...)
	must(err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(err)
	found := [][]string{}
	for rows.Next() {
		row, places := make([]sql.NullString, len(columns)), make([]interface{}, len(columns))
		for at := range row {
			places[at] = &row[at]
		}
		must(rows.Scan(places...))
		shown := make([]string, len(columns))
		for at := range row {
			shown[at] = "NULL"
			if row[at].Valid {
				shown[at] = row[at].String
			}
		}
		found = append(found, shown)
	}
	must(rows.Err())
	return found
}

func refusal(err error) *pq.Error {
	var told *pq.Error
	if !errors.As(err, &told) {
		panic(fmt.Sprintf("not refused by the server: %v", err))
	}
	return told
}

func send(statement string) {
	_, err := db.Exec(statement)
	must(err)
}

func main() {
	// The library does not tell its version; Debian's package does.
	told, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", "golang-github-lib-pq-dev").Output()
	must(err)
	fmt.Println("client", string(told))
	duty("sign-in", func() string {
		equal(texts("SELECT current_user"), [][]string{{"admin"}})
		return ""
	})
	duty("wrong-password", func() string {
		told := refusal(open("password=wrong").Ping())
		equal([]string{string(told.Code), told.Message}, []string{"28P01", `password authentication failed for user "admin"`})
		return ""
	})
	duty("simple", func() string {
		rows, err := db.Query("SELECT 1 AS one, 'å' AS word")
		must(err)
		defer rows.Close()
		columns, err := rows.Columns()
		must(err)
		equal(columns, []string{"one", "word"})
		var one int
		var word string
		rows.Next()
		must(rows.Scan(&one, &word))
		equal([]interface{}{one, word}, []interface{}{1, "å"})
		return ""
	})
	duty("parameters-text", func() string {
		var text string
		var count int64
		var day time.Time
		must(db.QueryRow("SELECT $1::text, $2::bigint, $3::date", "it's \"å\" \\", int64(9007199254740993), "2028-02-29").Scan(&text, &count, &day))
		equal([]interface{}{text, count, day.Format("2006-01-02")}, []interface{}{"it's \"å\" \\", int64(9007199254740993), "2028-02-29"})
		equal(texts("SELECT member_id FROM members WHERE loyalty_level = $1 ORDER BY 1", "gold"), [][]string{{"abroad"}, {"lunch"}})
		equal(texts("SELECT member_id FROM members WHERE loyalty_level = ANY($1) ORDER BY 1", pq.Array([]string{"gold"})), [][]string{{"abroad"}, {"lunch"}})
		return ""
	})
	duty("parameters-binary", func() string {
		binary := open("binary_parameters=yes")
		defer binary.Close()
		var text string
		var bytes []byte
		must(binary.QueryRow("SELECT $1::text, $2::bytea", "å", []byte{0, 255}).Scan(&text, &bytes))
		equal([]interface{}{text, bytes}, []interface{}{"å", []byte{0, 255}})
		return "bytea alone goes in binary"
	})
	duty("null", func() string {
		equal(texts("SELECT NULL::bigint, NULL::text, coalesce($1::text, 'none')", nil), [][]string{{"NULL", "NULL", "none"}})
		return ""
	})
	duty("numeric", func() string {
		equal(texts("SELECT "+number+"::numeric"), [][]string{{number}})
		return "as text: Go has no decimals"
	})
	duty("timestamptz", func() string {
		var at time.Time
		must(db.QueryRow("SELECT timestamptz '2026-10-25 00:30:00.123456+00'").Scan(&at))
		equal(at.UTC(), time.Date(2026, 10, 25, 0, 30, 0, 123456000, time.UTC))
		return ""
	})
	duty("array", func() string {
		var words []sql.NullString
		var numbers []sql.NullInt64
		must(db.QueryRow(`SELECT ARRAY['a', NULL, 'b"c', 'd,e', 'å'], ARRAY[1, NULL, -9007199254740993]::bigint[]`).Scan(pq.Array(&words), pq.Array(&numbers)))
		equal(words, []sql.NullString{{String: "a", Valid: true}, {}, {String: `b"c`, Valid: true}, {String: "d,e", Valid: true}, {String: "å", Valid: true}})
		equal(numbers, []sql.NullInt64{{Int64: 1, Valid: true}, {}, {Int64: -9007199254740993, Valid: true}})
		return ""
	})
	duty("error", func() string {
		_, err := db.Exec("DROP VIEW gold")
		told := refusal(err)
		equal([]string{string(told.Code), told.Hint}, []string{"2BP01", "Use DROP ... CASCADE to drop the dependent objects too."})
		equal(texts("SELECT 1"), [][]string{{"1"}})
		return ""
	})
	duty("cancel", func() string {
		within, cancel := context.WithCancel(context.Background())
		waited := make(chan string, 1)
		go func() {
			defer cancel()
			for until := time.Now().Add(time.Minute); time.Now().Before(until); {
				var count int
				if err := db.QueryRow(running).Scan(&count); err != nil || count == 1 {
					waited <- fmt.Sprint(err)
					return
				}
			}
			waited <- "the query does not run"
		}()
		var count int64
		err := db.QueryRowContext(within, long).Scan(&count)
		equal(<-waited, "<nil>")
		if err == nil || !(errors.Is(err, context.Canceled) || refusal(err).Code == "57014") {
			panic(fmt.Sprint(err))
		}
		equal(texts("SELECT 1"), [][]string{{"1"}})
		return "by the context, whose end sends the cancel request"
	})
	duty("copy-out", func() string { panic(skipped("lib/pq has COPY FROM only")) })
	duty("portions", func() string {
		rows, err := db.Query("SELECT g FROM generate_series(1, 100000) g")
		must(err)
		defer rows.Close()
		var total, g int64
		for rows.Next() {
			must(rows.Scan(&g))
			total += g
		}
		must(rows.Err())
		equal(total, int64(5000050000))
		return "row by row as they come"
	})
	duty("cursor", func() string {
		tx, err := db.Begin()
		must(err)
		defer tx.Rollback()
		fetch := func(statement string) (found []int) {
			rows, err := tx.Query(statement)
			must(err)
			defer rows.Close()
			for rows.Next() {
				var g int
				must(rows.Scan(&g))
				found = append(found, g)
			}
			return found
		}
		_, err = tx.Exec("DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 10) g")
		must(err)
		equal(fetch("FETCH 3 FROM c"), []int{1, 2, 3})
		_, err = tx.Exec("MOVE 4 IN c")
		must(err)
		equal(fetch("FETCH 2 FROM c"), []int{8, 9})
		_, err = tx.Exec("CLOSE c")
		must(err)
		return ""
	})
	duty("failed-transaction", func() string {
		tx, err := db.Begin()
		must(err)
		var one int
		equal(string(refusal(tx.QueryRow("SELECT 1 / 0").Scan(&one)).Code), "22012")
		equal(string(refusal(tx.QueryRow("SELECT 1").Scan(&one)).Code), "25P02")
		must(tx.Rollback())
		equal(texts("SELECT 1"), [][]string{{"1"}})
		return ""
	})
	duty("notice", func() string {
		heard := []string{}
		connector, err := pq.NewConnector("")
		must(err)
		listening := sql.OpenDB(pq.ConnectorWithNoticeHandler(connector, func(told *pq.Error) { heard = append(heard, told.Message) }))
		defer listening.Close()
		_, err = listening.Exec("DROP VIEW IF EXISTS nothing")
		must(err)
		equal(heard, []string{`view "nothing" does not exist, skipping`})
		return ""
	})
	duty("tables", func() string {
		var found string
		must(db.QueryRow("SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'").Scan(&found))
		equal(found, tables)
		equal(texts("SELECT data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'members' AND column_name = 'loyalty_points'"), [][]string{{"bigint"}})
		return ""
	})
	duty("segments", func() string {
		equal(texts("SELECT c.relkind::text, a.attname::text, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname = 'gold' AND a.attnum > 0 ORDER BY a.attnum"),
			[][]string{{"v", "member_id", "text", "who"}, {"v", "loyalty_points", "bigint", "NULL"}})
		found := texts("SELECT pg_get_viewdef('gold'::regclass), obj_description('gold'::regclass)")
		if !strings.Contains(found[0][0], "loyalty_level = 'gold'") {
			panic(found[0][0])
		}
		equal(found[0][1], "Gold members")
		return ""
	})
	duty("audiences", func() string {
		equal(texts("SELECT schemaname::text, matviewname::text, ispopulated::text FROM pg_matviews"), [][]string{{"public", "gold_list", "true"}})
		return ""
	})
	duty("create-segment", func() string {
		send("CREATE VIEW rich AS SELECT member_id FROM members WHERE loyalty_points > 400")
		equal(texts("SELECT count(*) FROM rich"), texts("SELECT count(*) FROM members WHERE loyalty_points > 400"))
		send("DROP VIEW rich")
		_, err := db.Exec("SELECT 1 FROM rich")
		equal(string(refusal(err).Code), "42P01")
		return ""
	})
	duty("refresh-audience", func() string {
		var before, after, members int
		const run = "SELECT run, members FROM regulars.audiences WHERE name = 'gold_list'"
		must(db.QueryRow(run).Scan(&before, &members))
		send("REFRESH MATERIALIZED VIEW gold_list")
		must(db.QueryRow(run).Scan(&after, &members))
		equal([]int{after, members}, []int{before + 1, 2})
		return ""
	})
	if failed {
		os.Exit(1)
	}
}
