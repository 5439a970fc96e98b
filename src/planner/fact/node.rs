//! The extension node that stands for facts in a logical plan, until [`super::lower`] makes relations of it.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::Field;
use datafusion::common::{DFSchema, DFSchemaRef, Result, internal_err};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};

use super::{Fact, Scope, Types};

/// One fact to compute, under the name of the column that it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wanted {
    pub fact: Fact,
    pub scope: Arc<Scope>,
    pub column: String,
}

/// The input with a column for each fact of the member that `member` names in its row.
#[derive(Debug, Clone)]
pub struct MemberFacts {
    pub input: Arc<LogicalPlan>,
    pub member: Expr,
    pub facts: Vec<Wanted>,
    schema: DFSchemaRef,
}

impl MemberFacts {
    pub fn new(input: Arc<LogicalPlan>, member: Expr, facts: Vec<Wanted>, types: &Types) -> Result<Self> {
        let columns =
            facts.iter().map(|wanted| (None, Arc::new(Field::new(&wanted.column, wanted.fact.data_type(types), true))));
        let fields = input.schema().iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
        let schema = DFSchema::new_with_metadata(fields.chain(columns).collect(), input.schema().metadata().clone())?;
        Ok(Self { input, member, facts, schema: Arc::new(schema) })
    }

    pub fn into_plan(self) -> LogicalPlan {
        LogicalPlan::Extension(Extension { node: Arc::new(self) })
    }
}

impl PartialEq for MemberFacts {
    fn eq(&self, other: &Self) -> bool {
        self.input == other.input && self.member == other.member && self.facts == other.facts
    }
}

impl Eq for MemberFacts {}

impl Hash for MemberFacts {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
        self.member.hash(state);
        self.facts.hash(state);
    }
}

/// Plans are compared, never ordered.
impl PartialOrd for MemberFacts {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for MemberFacts {
    fn name(&self) -> &str {
        "MemberFacts"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![self.member.clone()]
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts: Vec<&str> = self.facts.iter().map(|wanted| wanted.fact.name()).collect();
        write!(f, "MemberFacts: member={}, facts=[{}]", self.member, facts.join(", "))
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let (Some(member), Some(input)) = (exprs.pop(), inputs.pop()) else {
            return internal_err!("MemberFacts has a member and an input");
        };
        let fields = self.schema.iter().skip(self.input.schema().fields().len());
        let own: Vec<_> = fields.map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field))).collect();
        let below = input.schema().iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
        let schema = DFSchema::new_with_metadata(below.chain(own).collect(), input.schema().metadata().clone())?;
        Ok(Self { input: Arc::new(input), member, facts: self.facts.clone(), schema: Arc::new(schema) })
    }
}
