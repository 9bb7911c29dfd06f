import { Body } from '@react-email/body';
import { Button } from '@react-email/button';
import { Container } from '@react-email/container';
import { Head } from '@react-email/head';
import { Html } from '@react-email/html';
import { Preview } from '@react-email/preview';
import { Section } from '@react-email/section';
import { type CSSProperties, createElement, Fragment, type ReactNode } from 'react';
import type { Language } from '../../access/model/settings.js';
import type { Company } from '../model/letters.js';
import type { Content, Row } from './content.js';
import type { Words } from './words.js';

export interface LetterPageProps {
  readonly language: Language;
  readonly company: Company;
  readonly recipientName: string;
  readonly year: string;
  readonly content: Content;
  readonly words: Words;
}

const INK = '#1b2530';
const FAINT = '#5a6673';
const FONT = 'Helvetica, Arial, sans-serif';
const paragraph: CSSProperties = { margin: '0 0 14px', fontSize: '15px', lineHeight: '23px', color: INK };
const small: CSSProperties = { margin: '0 0 6px', fontSize: '12px', lineHeight: '18px', color: FAINT };
const code: CSSProperties = {
  fontFamily: 'Menlo, Consolas, monospace',
  fontSize: '16px',
  letterSpacing: '0.5px',
};

/** Side by side without keys: what is written once needs none, and two of them may say the same. */
function each<Item>(items: readonly Item[], show: (item: Item, index: number) => ReactNode): ReactNode {
  return createElement(Fragment, null, ...items.map(show));
}

/** Black or white, whichever is read on a color (WCAG 2, relative luminance). */
export function inkOn(color: string): string {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((from) => {
    const part = Number.parseInt(color.slice(from, from + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? '#000000' : '#ffffff';
}

/** Mail programs know no lists of terms: a table, which says so to who has it read aloud. */
function Facts({ rows }: { readonly rows: readonly Row[] }) {
  return (
    <table role="presentation" width="100%" cellPadding={0} cellSpacing={0} style={{ margin: '6px 0 18px' }}>
      <tbody>
        {each(rows, ({ label, value, isCode }) => (
          <tr>
            <td style={{ ...small, width: '34%', padding: '7px 12px 7px 0', verticalAlign: 'top' }}>
              {label}
            </td>
            <td style={{ ...paragraph, padding: '5px 0', wordBreak: 'break-word' }}>
              <bdi style={isCode === true ? code : {}}>{value}</bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Some mail programs know no style that keeps lines apart. */
function Lines({ text }: { readonly text: string }) {
  const lines = text.split('\n').filter((line) => line !== '');
  return each(lines, (line, index) => (
    <>
      {index === 0 ? null : <br />}
      {line}
    </>
  ));
}

function Things({ list }: Pick<Content, 'list'>) {
  if (list === undefined) return null;
  const { label, lines } = list;
  return (
    <Section>
      <p style={{ ...paragraph, fontWeight: 'bold', margin: '0 0 6px' }}>{label}</p>
      <ul style={{ ...paragraph, margin: '0 0 18px', paddingLeft: '20px' }}>
        {each(lines, (line) => (
          <li>
            <bdi>{line}</bdi>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Actions({ company, content }: Pick<LetterPageProps, 'company' | 'content'>) {
  return (
    <Section style={{ margin: '4px 0 20px' }}>
      {each(content.actions, ({ label, url }, index) => (
        <Button
          href={url}
          style={{
            marginRight: '10px',
            padding: '11px 18px',
            borderRadius: '4px',
            fontSize: '15px',
            border: `1px solid ${company.color}`,
            ...(index === 0
              ? { backgroundColor: company.color, color: inkOn(company.color) }
              : { backgroundColor: '#ffffff', color: INK }),
          }}
        >
          {label}
        </Button>
      ))}
    </Section>
  );
}

function Head1({ company, heading }: { readonly company: Company; readonly heading: string }) {
  const logo =
    company.logoUrl === undefined ? (
      <p style={{ ...paragraph, fontWeight: 'bold' }}>{company.name}</p>
    ) : (
      <img
        src={company.logoUrl}
        alt={company.name}
        height={40}
        style={{ display: 'block', margin: '0 0 18px' }}
      />
    );
  return (
    <Section style={{ borderTop: `4px solid ${company.color}`, paddingTop: '22px' }}>
      {logo}
      <h1 style={{ margin: '0 0 18px', fontSize: '22px', lineHeight: '28px', color: INK }}>{heading}</h1>
    </Section>
  );
}

function Foot({ company, words, year }: Pick<LetterPageProps, 'company' | 'words' | 'year'>) {
  const { supportEmail, supportPhone, address, termsUrl } = company;
  return (
    <Section style={{ borderTop: '1px solid #d9dfe5', marginTop: '22px', paddingTop: '14px' }}>
      {supportEmail === undefined && supportPhone === undefined ? null : (
        <p style={small}>
          {words.support}:{' '}
          {supportEmail === undefined ? null : <a href={`mailto:${supportEmail}`}>{supportEmail}</a>}
          {supportEmail === undefined || supportPhone === undefined ? null : ' · '}
          {supportPhone}
        </p>
      )}
      {termsUrl === undefined ? null : (
        <p style={small}>
          <a href={termsUrl}>{words.terms}</a>
        </p>
      )}
      <p style={small}>
        <Lines text={[`© ${year} ${company.name}`, address ?? ''].join('\n')} />
      </p>
    </Section>
  );
}

/** The one layout of every mail. React escapes whatever stands in it. */
export function LetterPage(props: LetterPageProps) {
  const { language, company, recipientName, content, words } = props;
  return (
    <Html lang={language} dir="ltr">
      <Head>
        <title>{content.subject}</title>
        <meta name="color-scheme" content="light" />
      </Head>
      <Preview>{content.paragraphs[0] ?? content.heading}</Preview>
      <Body style={{ margin: 0, padding: '24px 12px', backgroundColor: '#f2f4f7', fontFamily: FONT }}>
        <Container style={{ maxWidth: '600px', padding: '0 28px 14px', backgroundColor: '#ffffff' }}>
          <Head1 company={company} heading={content.heading} />
          <p style={paragraph}>{words.greeting(recipientName)}</p>
          {each(content.paragraphs, (text) => (
            <p style={paragraph}>{text}</p>
          ))}
          <Facts rows={content.rows} />
          <Things list={content.list} />
          <Actions company={company} content={content} />
          <p style={paragraph}>
            <Lines text={`${words.closing}\n${company.name}`} />
          </p>
          <Foot {...props} />
        </Container>
      </Body>
    </Html>
  );
}
