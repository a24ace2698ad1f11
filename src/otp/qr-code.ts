/** Draws the QR code of a key URI. */
import qrcode from 'qrcode';

/**
 * A QR code as an SVG data URL, for an `<img>`.
 *
 * @param width the width and height that the image has where the page sets none, in CSS pixels
 * @returns undefined when the string is longer than a QR code holds (2,953 bytes, ISO/IEC 18004 table 7)
 */
export async function qrCodeImage(text: string, width: number): Promise<string | undefined> {
  if (Buffer.byteLength(text) > 2953) return undefined;
  const errorCorrectionLevel = Buffer.byteLength(text) > 2331 ? 'L' : 'M';
  const svg = await qrcode.toString(text, { type: 'svg', errorCorrectionLevel, width });
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
}
