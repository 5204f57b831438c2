"""Text to a voice and the times of its sounds, by Festival."""

import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

VOICE = "voice_cmu_us_slt_arctic_hts"

SCRIPT = """
({voice})
(set! utt (Utterance Text "{text}"))
(utt.synth utt)
(utt.save.wave utt "{wav}" 'riff)
(mapcar (lambda (s)
  (format t "%s|%f|%s|%s|%s\\n" (item.name s) (item.feat s "end")
    (item.feat s "R:SylStructure.parent.stress")
    (item.feat s "R:SylStructure.parent.accented")
    (item.feat s "R:SylStructure.parent.parent.name")))
  (utt.relation.items utt 'Segment))
"""


@dataclass
class Phone:
    """A sound: when (seconds), whether its syllable is stressed and accented, in which word."""

    name: str
    start: float
    end: float
    stressed: bool
    accented: bool
    word: str

    @property
    def middle(self):
        return 0.5 * (self.start + self.end)


@dataclass
class Voice:
    """Samples in -32768..32767."""

    rate: int
    samples: list


def speak(sentences, lead_in, pause, tail):
    """Speaks sentences one after the other, with silence (seconds) before, between and after; the voice and its phones."""
    rate, samples, phones = None, [], []

    def silence(seconds):
        start = len(samples) / rate
        samples.extend([0] * round(seconds * rate))
        phones.append(Phone("pau", start, len(samples) / rate, False, False, ""))

    for number, sentence in enumerate(sentences):
        spoken, found = _festival(sentence)
        rate = rate or spoken.rate
        silence(lead_in if number == 0 else pause)
        # Festival's own silence at both ends is left out: the pauses are ours.
        first = found[0].end if found[0].name == "pau" else 0.0
        last = found[-1].start if found[-1].name == "pau" else found[-1].end
        start = len(samples) / rate
        begin, end = round(max(first - 0.03, 0) * rate), round(min(last + 0.06, found[-1].end) * rate)
        samples.extend(_faded(spoken.samples[begin:end], rate))
        shift = start - begin / rate
        for p in found:
            if p.end <= first or p.start >= last:
                continue
            phones.append(Phone(p.name, p.start + shift, p.end + shift, p.stressed, p.accented, p.word))
    silence(tail)
    return Voice(rate, samples), _without_gaps(phones)


def _festival(text):
    if any(c in text for c in '"\\'):
        raise ValueError(f"the text may not hold quotes or backslashes: {text}")
    with tempfile.TemporaryDirectory() as folder:
        wav, script = Path(folder, "voice.wav"), Path(folder, "speak.scm")
        script.write_text(SCRIPT.format(voice=VOICE, text=text, wav=wav))
        try:
            run = subprocess.run(["festival", "--batch", script], capture_output=True, text=True, check=True)
        except FileNotFoundError:
            raise SystemExit("festival is missing: apt-get install festival festvox-us-slt-hts")
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"festival failed (is festvox-us-slt-hts installed?): {error.stderr}")
        with wave.open(str(wav)) as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                raise SystemExit("festival's voice is not 16-bit mono")
            rate, data = file.getframerate(), file.readframes(file.getnframes())
    samples = list(memoryview(data).cast("h"))
    phones, start = [], 0.0
    for line in run.stdout.splitlines():
        fields = line.split("|")
        if len(fields) == 5:
            name, end, stress, accented, word = fields
            phones.append(Phone(name, start, float(end), stress == "1", accented == "1", word if word != "0" else ""))
            start = float(end)
    return Voice(rate, samples), phones


def _faded(samples, rate):
    n = min(round(0.005 * rate), len(samples) // 2)
    for i in range(n):
        samples[i] = round(samples[i] * i / n)
        samples[-1 - i] = round(samples[-1 - i] * i / n)
    return samples


def _without_gaps(phones):
    for a, b in zip(phones, phones[1:]):
        a.end = b.start
    return phones


def normalised(voice, peak=0.7):
    """The voice with its loudest sample at `peak` of full scale."""
    loudest = max(abs(s) for s in voice.samples) or 1
    scale = peak * 32767 / loudest
    return Voice(voice.rate, [round(s * scale) for s in voice.samples])


def write_wav(path, voice):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(voice.rate)
        file.writeframes(memoryview(bytearray(b"".join(s.to_bytes(2, "little", signed=True) for s in voice.samples))))
