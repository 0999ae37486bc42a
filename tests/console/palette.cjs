// Makes a PNG of Chromium small: 256 colours, of which a page has hardly more; and compressed as well as it gets.
const { deflateSync, inflateSync, crc32 } = require('node:zlib');

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
const COLOURS_MAX = 256;
const RGB = 2;
const RGBA = 6;
const PALETTE = 3;

function* chunksOf(png) {
  for (let at = SIGNATURE.length; at < png.length; ) {
    const size = png.readUInt32BE(at);
    yield [png.toString('latin1', at + 4, at + 8), png.subarray(at + 8, at + 8 + size)];
    at += size + 12;
  }
}

function chunk(name, data) {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  size.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([size, named, sum]);
}

function nearer(left, up, corner) {
  const [byLeft, byUp, byCorner] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return byLeft <= byUp && byLeft <= byCorner ? left : byUp <= byCorner ? up : corner;
}

// The bytes of each row as they were before they were filtered.
function rowsOf(data, height, width, bytes) {
  const size = width * bytes;
  const rows = [];
  for (let y = 0, above = Buffer.alloc(size); y < height; y += 1) {
    const [filter, row] = [data[y * (size + 1)], Buffer.from(data.subarray(y * (size + 1) + 1, (y + 1) * (size + 1)))];
    for (let x = 0; x < size; x += 1) {
      const [left, corner] = x < bytes ? [0, 0] : [row[x - bytes], above[x - bytes]];
      const added = [0, left, above[x], (left + above[x]) >> 1, nearer(left, above[x], corner)];
      row[x] = (row[x] + added[filter]) & 0xff;
    }
    rows.push((above = row));
  }
  return rows;
}

function distance(a, b) {
  return ((a >> 16) - (b >> 16)) ** 2 + (((a >> 8) & 0xff) - ((b >> 8) & 0xff)) ** 2 + ((a & 0xff) - (b & 0xff)) ** 2;
}

// The place of each colour in a palette of those that there are most of.
function placesOf(counts) {
  const colours = [...counts].sort((a, b) => b[1] - a[1]).map(([colour]) => colour);
  const palette = colours.slice(0, COLOURS_MAX);
  const nearest = (colour) => palette.reduce((best, other, at) => (distance(colour, other) < distance(colour, palette[best]) ? at : best), 0);
  const places = new Map(colours.map((colour, at) => [colour, at < COLOURS_MAX ? at : nearest(colour)]));
  return { palette, places };
}

function withPalette(png) {
  const chunks = [...chunksOf(Buffer.from(png))];
  const head = Buffer.from(chunks.find(([name]) => name === 'IHDR')[1]);
  const [width, height, bytes] = [head.readUInt32BE(0), head.readUInt32BE(4), { [RGB]: 3, [RGBA]: 4 }[head[9]]];
  const data = inflateSync(Buffer.concat(chunks.filter(([name]) => name === 'IDAT').map(([, part]) => part)));
  const rows = rowsOf(data, height, width, bytes).map((row) => Array.from({ length: width }, (_, x) => row.readUIntBE(x * bytes, 3)));
  const counts = new Map();
  for (const colour of rows.flat()) {
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const { palette, places } = placesOf(counts);
  head[9] = PALETTE;
  const drawn = Buffer.concat(rows.map((row) => Buffer.from([0, ...row.map((colour) => places.get(colour))])));
  const colours = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 0xff, colour & 0xff]));
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', head),
    chunk('PLTE', colours),
    chunk('IDAT', deflateSync(drawn, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

module.exports = { withPalette };
