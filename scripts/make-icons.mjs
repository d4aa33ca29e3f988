// Draws the app's icon from its description below: `node scripts/make-icons.mjs` writes resources/icons/*.png.
// electron-builder makes the .ico and .icns of them. No image library: a PNG is deflated rows of pixels.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { root } from './lib/paths.mjs';

const SIZES = [16, 32, 48, 64, 128, 256, 512, 1024];
const SAMPLES = 4;

// In a square of 1: a rounded plate, on it an anvil's outline, above it a spark.
const PLATE = { from: [0.11, 0.1, 0.09], to: [0.2, 0.17, 0.15] };
const METAL = [0.96, 0.93, 0.9];
const SPARK = [0.98, 0.55, 0.18];
/** An anvil: horn to the left, waist, foot. */
const ANVIL = [
  [0.16, 0.46],
  [0.36, 0.46],
  [0.36, 0.42],
  [0.82, 0.42],
  [0.82, 0.52],
  [0.64, 0.58],
  [0.61, 0.66],
  [0.74, 0.74],
  [0.74, 0.8],
  [0.32, 0.8],
  [0.32, 0.74],
  [0.45, 0.66],
  [0.43, 0.59],
  [0.27, 0.555],
];
/** A four-pointed spark. */
const STAR = [
  [0.59, 0.12],
  [0.622, 0.208],
  [0.71, 0.24],
  [0.622, 0.272],
  [0.59, 0.36],
  [0.558, 0.272],
  [0.47, 0.24],
  [0.558, 0.208],
];

function isInside([x, y], shape) {
  let inside = false;
  for (let i = 0, j = shape.length - 1; i < shape.length; j = i++) {
    const [xi, yi] = shape[i];
    const [xj, yj] = shape[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

function isOnPlate(x, y) {
  const [inset, radius] = [0.04, 0.2];
  const dx = Math.max(inset + radius - x, x - (1 - inset - radius), 0);
  const dy = Math.max(inset + radius - y, y - (1 - inset - radius), 0);
  return Math.hypot(dx, dy) <= radius;
}

/** Red, green, blue and cover of a point. */
function colourAt(x, y) {
  if (!isOnPlate(x, y)) return [0, 0, 0, 0];
  if (isInside([x, y], STAR)) return [...SPARK, 1];
  if (isInside([x, y], ANVIL)) return [...METAL, 1];
  return [...PLATE.from.map((value, index) => value + (PLATE.to[index] - value) * y), 1];
}

function draw(size) {
  const rows = Buffer.alloc(size * (size * 4 + 1));
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const sum = [0, 0, 0, 0];
      for (let i = 0; i < SAMPLES * SAMPLES; i++) {
        const x = (column + ((i % SAMPLES) + 0.5) / SAMPLES) / size;
        const y = (row + (Math.floor(i / SAMPLES) + 0.5) / SAMPLES) / size;
        const colour = colourAt(x, y);
        for (let part = 0; part < 3; part++) sum[part] += colour[part] * colour[3];
        sum[3] += colour[3];
      }
      const at = row * (size * 4 + 1) + 1 + column * 4;
      for (let part = 0; part < 3; part++) rows[at + part] = sum[3] === 0 ? 0 : Math.round((255 * sum[part]) / sum[3]);
      rows[at + 3] = Math.round((255 * sum[3]) / (SAMPLES * SAMPLES));
    }
  }
  return rows;
}

const TABLE = Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  let crc = 0xffffffff;
  for (const byte of body) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE((crc ^ 0xffffffff) >>> 0, body.length + 4);
  return out;
}

function png(size) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  head.set([8, 6, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(draw(size), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const folder = join(root, 'resources/icons');
mkdirSync(folder, { recursive: true });
for (const size of SIZES) writeFileSync(join(folder, `${size}x${size}.png`), png(size));
writeFileSync(join(folder, 'icon.png'), png(1024));
