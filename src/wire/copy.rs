//! COPY … TO STDOUT on the wire: rows in CopyData messages, as they come.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use pgwire::messages::copy::{CopyData, CopyDone, CopyOutResponse};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Failure;
use super::connection::Watch;
use super::encode::{CopyEncoder, Format, ParquetEncoder};
use super::writer::Writer;
use crate::error::message;
use crate::session::TextFormat;
use crate::sql::statement::CopyFormat;
use crate::statement::outcome::{CopyOut, Rows};

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
    if options.format == CopyFormat::Parquet {
        return send_parquet(rows, columns, watch, writer).await;
    }
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

/// Most bytes of a file that go into one message.
const PART_BYTES: usize = 64 << 10;

/// A Parquet file in pieces, as its row groups fill.
async fn send_parquet<R, W>(
    mut rows: Rows,
    columns: i16,
    watch: &mut Watch<'_, R>,
    writer: &mut Writer<W>,
) -> Result<String, Failure>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    // The first rows tell the types, before anything is said to the client.
    let mut next = watch.over(async { rows.batches.next().await.transpose() }).await?;
    let mut encoder = ParquetEncoder::new(&rows.columns, next.as_ref().map(|batch| batch.schema()))?;
    let format = Format::Binary;
    writer.push(&CopyOutResponse::new(
        format.code() as i8,
        columns,
        vec![format.code(); usize::from(columns.unsigned_abs())],
    ));
    let mut sent = 0_u64;
    while let Some(batch) = next {
        sent += batch.num_rows() as u64;
        let bytes = encoder.batch(&batch)?;
        send_parts(bytes, watch, writer).await?;
        next = watch.over(async { rows.batches.next().await.transpose() }).await?;
    }
    send_parts(encoder.finish()?, watch, writer).await?;
    writer.push(&CopyDone::new());
    Ok(format!("COPY {sent}"))
}

async fn send_parts<R, W>(bytes: Vec<u8>, watch: &mut Watch<'_, R>, writer: &mut Writer<W>) -> Result<(), Failure>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut bytes = Bytes::from(bytes);
    while !bytes.is_empty() {
        writer.push(&CopyData::new(bytes.split_to(bytes.len().min(PART_BYTES))));
        if writer.is_full() {
            watch.over(writer.flush()).await?;
        }
    }
    Ok(())
}
