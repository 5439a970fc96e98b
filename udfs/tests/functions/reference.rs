//! The reference page of the functions: made from their documentation, kept in `docs/functions.md`, every example run.

use std::fmt::Write;
use std::path::Path;

use datafusion::logical_expr::{Documentation, ScalarUDF};

use crate::{functions, psql, session};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/functions.md");

#[test]
fn the_reference_page_is_up_to_date() {
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(Path::new(PAGE).parent().unwrap()).unwrap();
        std::fs::write(PAGE, &page).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(kept == page, "docs/functions.md is stale: run the tests once with UPDATE_DOCS=1");
}

#[tokio::test]
async fn every_example_gives_the_answer_it_shows() {
    let session = session();
    for function in functions() {
        let example = documentation(&function).sql_example.as_deref().unwrap_or_default();
        let mut run = String::new();
        let mut statements = 0;
        for statement in statements_of(example) {
            let frame = session.sql(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
            let batches = frame.collect().await.unwrap_or_else(|error| panic!("{statement}: {error}"));
            let gap = if statements == 0 { "" } else { "\n" };
            write!(run, "{gap}{statement};\n{}", psql::table(&batches)).unwrap();
            statements += 1;
        }
        assert!(statements > 0, "{} has no example", function.name());
        assert_eq!(run.trim_end(), example, "the example of {}", function.name());
    }
}

#[test]
fn every_function_documents_each_argument_that_it_names() {
    for function in functions() {
        let page = documentation(&function);
        let arguments = page.arguments.as_deref().unwrap_or_default();
        assert!(!arguments.is_empty(), "{}", function.name());
        for (name, _) in arguments {
            assert!(page.syntax_example.contains(name.as_str()), "{}: {name}", function.name());
        }
        let example = page.sql_example.as_deref().unwrap_or_default();
        assert!(example.contains(&format!("{}(", function.name())), "{}", function.name());
    }
}

fn documentation(function: &ScalarUDF) -> &Documentation {
    function.documentation().unwrap_or_else(|| panic!("{} is not documented", function.name()))
}

/// The statements of an example: the lines up to each semicolon; answers stand between them.
fn statements_of(example: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut open = String::new();
    for line in example.lines() {
        if open.is_empty() && !line.starts_with("SELECT") {
            continue;
        }
        open.push_str(line);
        match open.strip_suffix(';') {
            Some(statement) => {
                statements.push(statement.to_owned());
                open.clear();
            }
            None => open.push('\n'),
        }
    }
    statements
}

fn page() -> String {
    let mut page = String::from(
        "# Functions\n\n\
         Made from the documentation in `udfs/src`; every example is run by the tests. \
         All functions are immutable and answer NULL when an argument is NULL.\n",
    );
    let mut family = "";
    for function in &functions() {
        let documentation = documentation(function);
        if documentation.doc_section.label != family {
            family = documentation.doc_section.label;
            write!(page, "\n## {family}\n").unwrap();
        }
        write!(page, "\n### {}\n\n", function.name()).unwrap();
        write!(page, "{}\n\n", documentation.description).unwrap();
        write!(page, "```sql\n{}\n```\n\n", documentation.syntax_example).unwrap();
        for (name, meaning) in documentation.arguments.as_deref().unwrap_or_default() {
            writeln!(page, "- `{name}`: {meaning}").unwrap();
        }
        let example = documentation.sql_example.as_deref().unwrap_or_default();
        write!(page, "\n```\n{example}\n```\n").unwrap();
    }
    page
}
