"""Prints the value in the file of the first argument in every form, cut at every place: `say.py FILE`."""
import base64, json, sys, time, urllib.parse

value = open(sys.argv[1], 'rb').read().rstrip(b'\n')
out = sys.stdout.buffer


def say(name, text, cut=0):
    out.write(name.encode() + b' ')
    out.flush()
    for at in range(0, len(text), cut or len(text)):
        out.write(text[at : at + (cut or len(text))])
        out.flush()
        if cut:
            time.sleep(0.002)
    out.write(b'\n')
    out.flush()


say('plain', value)
say('letter-by-letter', value, 1)
say('in-threes', value, 3)
out.write(b'x' * 20)
out.flush()
time.sleep(0.15)
say('after-a-flush', value, 9)
time.sleep(0.3)
say('base64', base64.b64encode(value))
say('base64-in-a-text', base64.b64encode(b'user:' + value + b' more'), 5)
say('base64-of-urls', base64.urlsafe_b64encode(b'x' + value))
wrapped = base64.encodebytes(b'{"auths":{"registry":{"auth":"' + value + b'"}}}')
say('wrapped', wrapped.replace(b'\n', b'\n    '))
say('hex', value.hex().encode())
say('HEX', value.hex().upper().encode(), 7)
say('url', urllib.parse.quote(value, safe='').encode())
say('plus', urllib.parse.quote_plus(value).encode())
say('bytes', ''.join('%%%02x' % byte for byte in value).encode())
say('json', json.dumps(value.decode()).encode())
say('json-in-json', json.dumps(json.dumps(value.decode())).encode(), 11)
say('utf-16', value.decode().encode('utf-16-le'), 5)
say('colours', b'\x1b[31m' + value + b'\x1b[0m')
say('progress', b'10%\r' + value + b'\r100%')
say('invalid', b'\xff\xfe' + value + b'\x80')
say('far', b'y' * 70_000 + value + b'y' * 70_000, 4096)
