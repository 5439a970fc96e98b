//! COPY … TO STDOUT on the wire: rows in CopyData messages, as they come.

use bytes::BytesMut;
use futures::StreamExt;
use pgwire::messages::copy::{CopyDone, CopyOutResponse};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Failure;
use super::connection::Watch;
use super::encode::{CopyEncoder, Format};
use super::writer::Writer;
use crate::error::message;
use crate::session::TextFormat;
use crate::statement::outcome::CopyOut;

/// Sends all rows and gives the command tag. After an error the client has seen some of them, as from PostgreSQL.
pub(super) async fn send<R, W>(
    copy: CopyOut,
    text: TextFormat,
    watch: &mut Watch<'_, R>,
    writer: &mut Writer<W>,
) -> Result<String, Failure>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let CopyOut { mut rows, options } = copy;
    let columns = i16::try_from(rows.columns.len()).map_err(|_| message::too_many_columns(rows.columns.len()))?;
    let encoder = CopyEncoder::new(options, rows.columns, text);
    let format = if encoder.is_binary() { Format::Binary } else { Format::Text };
    let formats = vec![format.code(); usize::from(columns.unsigned_abs())];
    writer.push(&CopyOutResponse::new(format.code() as i8, columns, formats));
    writer.push_with(|out: &mut BytesMut| encoder.header(out))?;
    let mut sent = 0_u64;
    while let Some(batch) = watch.over(async { rows.batches.next().await.transpose() }).await? {
        let lines = encoder.batch(&batch);
        for row in 0..batch.num_rows() {
            writer.push_with(|out| lines.row(row, sent == 0, out))?;
            sent += 1;
            if writer.is_full() {
                watch.over(writer.flush()).await?;
            }
        }
    }
    writer.push_with(|out| encoder.trailer(sent > 0, out))?;
    writer.push(&CopyDone::new());
    Ok(format!("COPY {sent}"))
}
